// `tests/cases/tokens/proofs.json`: one row a proof of possession, how it is made, and what becomes of it. Read by the unit
// tests of `tokens` and by the suite against Envoy, each with keys and signatures of a library of its own.

use serde::Deserialize;
use serde_json::{Value, json};

/// A row. What is not written is as in an honest ES256 proof by the key that the token is bound to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// The request.
    #[serde(default = "get")]
    pub(crate) method: String,
    #[serde(default = "path")]
    pub(crate) path: String,
    #[serde(default = "host")]
    pub(crate) host: String,
    /// The key that the token is bound to, the one in the proof, and how that is signed.
    #[serde(default = "es")]
    bound: String,
    #[serde(default = "es")]
    key: String,
    #[serde(default = "es")]
    sign: String,
    /// `cnf` as a whole.
    #[serde(default)]
    cnf: Option<Value>,
    /// Laid over the header, the key in it, and the claims; `null` takes a member away.
    #[serde(default)]
    header: Value,
    #[serde(default)]
    jwk: Value,
    #[serde(default)]
    claims: Value,
    /// Put in front of the closing brace.
    #[serde(default)]
    header_add: String,
    #[serde(default)]
    claims_add: String,
    /// The whole text instead.
    #[serde(default)]
    header_text: Option<String>,
    #[serde(default)]
    claims_text: Option<String>,
    /// A claim `pad` of so many bytes.
    #[serde(default)]
    pad: usize,
    /// So many seconds old.
    #[serde(default)]
    age: i64,
    /// The header lines; `{token}`, `{proof}`, its parts `{head}` `{body}` `{signature}`, and `{other}`, a good proof.
    #[serde(default = "lines")]
    send: Vec<(String, String)>,
    pub(crate) expect: String,
    /// What becomes of it when it is sent again.
    #[serde(default)]
    pub(crate) again: Option<String>,
}

/// Keys by name, and what is done with them.
pub(crate) trait Smith {
    /// The public key of this name as a JSON Web Key, without a name or a use.
    fn jwk(&self, key: &str) -> Value;
    /// A signature made the way of this name.
    fn sign(&self, how: &str, input: &[u8]) -> Vec<u8>;
    /// A good token with this `cnf`.
    fn token(&self, cnf: &Value) -> String;
    /// SHA-256.
    fn hash(&self, bytes: &[u8]) -> Vec<u8>;
    /// Base64 as JOSE has it.
    fn base64(&self, bytes: &[u8]) -> String;
}

/// All rows; more than sixty of them are refused, and no name is there twice.
pub(crate) fn rows() -> Vec<Row> {
    let rows: Vec<Row> = serde_json::from_str(include_str!("../cases/tokens/proofs.json")).unwrap();
    let refused = rows.iter().filter(|row| row.expect != "pass").count();
    assert!(refused >= 60, "only {refused} hostile rows");
    let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rows.len(), "a row's name is there twice");
    rows
}

impl Row {
    /// The header lines of a request at `now`, in seconds; `id` is the proof's, and its other's with a mark.
    pub(crate) fn lines(&self, smith: &impl Smith, id: &str, now: i64) -> Vec<(String, String)> {
        let bound = json!({ "jkt": thumbprint(smith, &smith.jwk(&self.bound)) });
        let token = smith.token(self.cnf.as_ref().unwrap_or(&bound));
        let honest = |id: &str| {
            json!({ "jti": id, "htm": self.method, "htu": format!("https://{}{}", self.host, self.path),
                "iat": now.saturating_sub(self.age), "ath": smith.base64(&smith.hash(token.as_bytes())) })
        };
        let header = |key: Value| json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key });
        let head = match &self.header_text {
            Some(text) => text.clone(),
            None => {
                let mut jwk = smith.jwk(&self.key);
                lay(&mut jwk, &self.jwk);
                let mut head = header(jwk);
                lay(&mut head, &self.header);
                added(&head, &self.header_add)
            }
        };
        let body = match &self.claims_text {
            Some(text) => text.clone(),
            None => {
                let mut claims = honest(id);
                lay(&mut claims, &self.claims);
                if self.pad > 0 {
                    claims["pad"] = "x".repeat(self.pad).into();
                }
                added(&claims, &self.claims_add)
            }
        };
        let [head, body] = [head, body].map(|text| smith.base64(text.as_bytes()));
        let signed = |input: String, how: &str| {
            let signature = smith.base64(&smith.sign(how, input.as_bytes()));
            (format!("{input}.{signature}"), signature)
        };
        let (proof, signature) = signed(format!("{head}.{body}"), &self.sign);
        let other = [header(smith.jwk(&self.bound)), honest(&format!("{id}-other"))];
        let other = other.map(|part| smith.base64(part.to_string().as_bytes())).join(".");
        let (other, _) = signed(other, "es");
        let marks = [
            ("{token}", &token),
            ("{proof}", &proof),
            ("{head}", &head),
            ("{body}", &body),
            ("{signature}", &signature),
            ("{other}", &other),
        ];
        let filled =
            |text: &str| marks.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value));
        self.send.iter().map(|(name, value)| (name.clone(), filled(value))).collect()
    }
}

/// RFC 7638, of a key whose members are those that it takes, in order.
fn thumbprint(smith: &impl Smith, jwk: &Value) -> String {
    smith.base64(&smith.hash(jwk.to_string().as_bytes()))
}

fn added(object: &Value, text: &str) -> String {
    let mut whole = object.to_string();
    let end = whole.pop();
    whole.push_str(text);
    whole.extend(end);
    whole
}

fn lay(target: &mut Value, patch: &Value) {
    let (Value::Object(target), Value::Object(patch)) = (target, patch) else { return };
    for (name, value) in patch {
        match value {
            Value::Null => drop(target.remove(name)),
            value => drop(target.insert(name.clone(), value.clone())),
        }
    }
}

fn get() -> String {
    "GET".into()
}

fn path() -> String {
    "/bound".into()
}

fn host() -> String {
    "api.shop.example".into()
}

fn es() -> String {
    "es".into()
}

fn lines() -> Vec<(String, String)> {
    [("authorization", "DPoP {token}"), ("dpop", "{proof}")]
        .map(|(name, value)| (name.into(), value.into()))
        .into()
}
