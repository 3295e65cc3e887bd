//! Everything the shop knows: two accounts, their orders, a catalogue. Held in memory, the same after every start.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use ring::pbkdf2;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use uuid::Uuid;

/// The id of the account alice: its `sub`, its customer id and its account id.
pub const ALICE: &str = "42";
/// The id of the account bob.
pub const BOB: &str = "77";
/// What alice logs in with: address and password.
pub const ALICE_LOGIN: (&str, &str) = ("alice@shop.example", "alice-likes-tea");
/// What bob logs in with.
pub const BOB_LOGIN: (&str, &str) = ("bob@shop.example", "bob-likes-coffee");
/// The code that alice's telephone shows. Left open on purpose: it never changes and may be guessed for ever.
pub const ALICE_OTP: &str = "004217";
/// The code that bob's telephone shows.
pub const BOB_OTP: &str = "861530";
/// Alice's first order.
pub const ALICE_ORDER: Uuid = Uuid::from_u128(0x3f2b_8c1e_5a6d_4e7f_8a9b_0c1d_2e3f_4a42);
/// Bob's first order.
pub const BOB_ORDER: Uuid = Uuid::from_u128(0x9c4d_7e2a_1b3f_4c5d_9e8f_7a6b_5c4d_3e77);

/// A customer. Left open on purpose: the API answers with all of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct User {
    /// The account's id.
    pub id: String,
    /// The address to log in with.
    pub email: String,
    /// Name for display.
    pub name: String,
    /// Telephone number, E.164.
    pub phone: String,
    /// `free` or `gold`.
    pub plan: String,
    /// What the account may do: `customer`, `support`.
    pub roles: Vec<String>,
    /// Money on the account, in cents.
    pub balance_cents: i64,
    /// Nobody's business outside.
    pub password_hash: String,
    /// What the support wrote about the customer.
    pub internal_notes: String,
    /// The code of the customer's telephone; in no answer.
    #[serde(skip)]
    pub otp: String,
}

/// A line of an order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Item {
    /// The product.
    pub sku: String,
    /// How many.
    pub quantity: u32,
}

/// An order. Left open on purpose: the API answers with all of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Order {
    /// The order's id.
    pub id: Uuid,
    /// Whose it is.
    pub customer_id: String,
    /// What was bought.
    pub items: Vec<Item>,
    /// `new`, `paid`, `sent`.
    pub status: String,
    /// What the customer pays.
    pub total_cents: i64,
    /// What the shop earns; nobody's business outside.
    pub margin_cents: i64,
    /// What the shop thinks of the customer; nobody's business outside.
    pub fraud_score: u8,
}

/// Something to buy.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Product {
    /// The product's id.
    pub sku: String,
    /// Name for display.
    pub name: String,
    /// Its price.
    pub price_cents: i64,
}

/// The shop's memory.
#[derive(Clone, Debug)]
pub struct Store {
    /// By id.
    pub users: BTreeMap<String, User>,
    /// By id.
    pub orders: BTreeMap<Uuid, Order>,
    /// In the order of their ids.
    pub products: Vec<Product>,
}

impl Store {
    /// Alice and bob with two orders each, and 200 products.
    pub fn seed() -> Self {
        let users = [
            user(ALICE, "Alice", ALICE_LOGIN, ALICE_OTP, "gold", "+441632960042"),
            user(BOB, "Bob", BOB_LOGIN, BOB_OTP, "free", "+441632960077"),
        ];
        let orders = [
            order(ALICE_ORDER, ALICE, "tea-001", 2_400),
            order(Uuid::from_u128(ALICE_ORDER.as_u128() ^ 1), ALICE, "mug-002", 1_150),
            order(BOB_ORDER, BOB, "coffee-003", 5_900),
            order(Uuid::from_u128(BOB_ORDER.as_u128() ^ 1), BOB, "kettle-004", 8_900),
        ];
        Self {
            users: users.into_iter().map(|user| (user.id.clone(), user)).collect(),
            orders: orders.into_iter().map(|order| (order.id, order)).collect(),
            products: (1..=200).map(product).collect(),
        }
    }

    /// Who logs in with this address and password.
    pub fn login(&self, email: &str, password: &str) -> Option<&User> {
        self.users.values().find(|user| user.email == email).filter(|user| password_fits(user, password))
    }

    /// Lays fields over a user. Left open on purpose: any field but the id, `roles` and `balance_cents` included.
    ///
    /// `None` without such a user; the old user stays where a field has the wrong type.
    pub fn update(
        &mut self,
        id: &str,
        fields: Map<String, Value>,
    ) -> Option<Result<User, serde_json::Error>> {
        let user = self.users.get_mut(id)?;
        let merged = serde_json::to_value(&*user).and_then(|mut all| {
            if let Value::Object(all) = &mut all {
                all.extend(fields);
            }
            serde_json::from_value::<User>(all)
        });
        Some(merged.map(|merged| {
            *user = User { id: id.into(), otp: std::mem::take(&mut user.otp), ..merged };
            user.clone()
        }))
    }

    /// Moves money. Left open on purpose: from anybody to anybody, below zero too.
    pub fn transfer(&mut self, from: &str, to: &str, cents: i64) -> Option<()> {
        if !self.users.contains_key(to) {
            return None;
        }
        let payer = self.users.get_mut(from)?;
        payer.balance_cents = payer.balance_cents.saturating_sub(cents);
        let payee = self.users.get_mut(to)?;
        payee.balance_cents = payee.balance_cents.saturating_add(cents);
        Some(())
    }
}

fn user(id: &str, name: &str, login: (&str, &str), otp: &str, plan: &str, phone: &str) -> User {
    User {
        id: id.into(),
        email: login.0.into(),
        name: name.into(),
        phone: phone.into(),
        plan: plan.into(),
        roles: vec!["customer".into()],
        balance_cents: 100_000,
        password_hash: hash(id, login.1),
        internal_notes: format!("{name} pays late; offer nothing"),
        otp: otp.into(),
    }
}

fn order(id: Uuid, customer: &str, sku: &str, total_cents: i64) -> Order {
    Order {
        id,
        customer_id: customer.into(),
        items: vec![Item { sku: sku.into(), quantity: 1 }],
        status: "paid".into(),
        total_cents,
        margin_cents: total_cents.saturating_div(3),
        fraud_score: 12,
    }
}

fn product(n: i64) -> Product {
    const KINDS: [&str; 4] = ["kettle", "tea", "mug", "coffee"];
    let kind =
        KINDS.iter().cycle().nth(usize::try_from(n).unwrap_or(0).rem_euclid(KINDS.len())).unwrap_or(&"tea");
    Product {
        sku: format!("{kind}-{n:03}"),
        name: format!("{kind} no. {n}"),
        price_cents: n.saturating_mul(50),
    }
}

/// Few rounds: a demo that guesses passwords should not wait for them.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

fn hash(salt: &str, password: &str) -> String {
    let mut out = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt.as_bytes(), password.as_bytes(), &mut out);
    format!("pbkdf2-sha256${ROUNDS}${salt}${}", crate::record::hex(&out))
}

fn password_fits(user: &User, password: &str) -> bool {
    user.password_hash == hash(&user.id, password)
}
