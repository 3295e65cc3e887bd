//! The examples of RFC 7515, appendix A. Their token ends in March 2011, names no audience and no `iat`.

use super::*;

const PAYLOAD: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const EXPIRES: u64 = 1_300_819_380;

fn worker(algorithm: &str, key: Value) -> Worker {
    Worker::of_user(&json!({
        "issuer": "joe", "audience": "any", "type": "any", "max_lifetime": "any", "keep": false,
        "algorithms": [algorithm], "clock_skew": "0s", "keys": { "inline": { "keys": [key] } },
        "claims": [{ "claim": "/http:~1~1example.com~1is_root", "is": true }],
    }))
}

fn holds(algorithm: &str, key: Value, header: &str, signature: &str) {
    let mut worker = worker(algorithm, key);
    let token = format!("{header}.{PAYLOAD}.{signature}");
    let before = Nanos((EXPIRES - 1) * 1_000_000_000);
    assert!(worker.bearer(&token, before).is_ok(), "{algorithm}");
    let after = Nanos(EXPIRES * 1_000_000_000);
    assert_eq!(worker.bearer(&token, after).unwrap_err(), Reason::TokensExpired, "{algorithm}");
    let other = format!("{header}.{PAYLOAD}.{}", signature.replacen('t', "u", 1));
    assert_eq!(worker.bearer(&other, before).unwrap_err(), Reason::TokensSignature, "{algorithm}");
}

#[test]
fn a_1_hmac_sha_256() {
    let key = json!({ "kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow" });
    let header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
    holds("HS256", key, header, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

#[test]
fn a_2_rsassa_pkcs1_v1_5_sha_256() {
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    holds("RS256", json!({ "kty": "RSA", "n": n, "e": "AQAB" }), "eyJhbGciOiJSUzI1NiJ9", signature);
}

#[test]
fn a_3_ecdsa_p_256_sha_256() {
    let key = json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    holds("ES256", key, "eyJhbGciOiJFUzI1NiJ9", signature);
}

#[test]
fn a_5_unsecured_is_refused_whatever_is_listed() {
    let token = format!("eyJhbGciOiJub25lIn0.{PAYLOAD}.");
    for (algorithm, key) in [("ES256", mint::jwk("es")), ("HS256", mint::jwk("oct"))] {
        let before = Nanos((EXPIRES - 1) * 1_000_000_000);
        assert_eq!(worker(algorithm, key).bearer(&token, before).unwrap_err(), Reason::TokensAlgorithm);
    }
}
