//! The strict reader as it is defined: the numbers looked over first, then the parser of `serde_json` with every bound asked
//! where it is met. Slow, and the measure of the one that serves.

use std::cell::Cell;
use std::fmt;

use serde::de::DeserializeSeed;
use serde::de::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::Map;
use serde_json::Number;
use serde_json::Value;
use serde_json::map::Entry;

use crate::model::json::Budget;
use crate::model::json::Unfit;
use crate::model::json::number;

pub(super) fn read(text: &[u8], budget: &Budget) -> Result<Value, Unfit> {
    if !number::fit(text, budget.numbers) {
        return Err(Unfit::Number);
    }
    let gauge = Gauge { budget, parts: Cell::new(0), unfit: Cell::new(None) };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = Part { gauge: &gauge, depth: 0 }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    read.map_err(|_| gauge.unfit.get().unwrap_or(Unfit::Malformed))
}

/// What is counted over the whole text, and what stopped the reading where it was not the parser.
struct Gauge<'b> {
    budget: &'b Budget,
    parts: Cell<usize>,
    unfit: Cell<Option<Unfit>>,
}

impl Gauge<'_> {
    fn stop<E: Error>(&self, why: Unfit) -> E {
        self.unfit.set(Some(why));
        E::custom("stopped")
    }

    fn one_more<E: Error>(&self) -> Result<(), E> {
        let parts = self.parts.get().saturating_add(1);
        self.parts.set(parts);
        self.within(parts, self.budget.parts)
    }

    fn within<E: Error>(&self, count: usize, bound: usize) -> Result<(), E> {
        if count > bound { Err(self.stop(Unfit::Structure)) } else { Ok(()) }
    }
}

/// A value, at some depth.
#[derive(Clone, Copy)]
struct Part<'g> {
    gauge: &'g Gauge<'g>,
    depth: usize,
}

impl Part<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        self.gauge.within(depth, self.gauge.budget.depth)?;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, it: bool) -> Result<Value, E> {
        Ok(Value::Bool(it))
    }

    fn visit_u64<E: Error>(self, it: u64) -> Result<Value, E> {
        Ok(Value::Number(it.into()))
    }

    fn visit_i64<E: Error>(self, it: i64) -> Result<Value, E> {
        Ok(Value::Number(it.into()))
    }

    fn visit_f64<E: Error>(self, it: f64) -> Result<Value, E> {
        Number::from_f64(it).map(Value::Number).ok_or_else(|| self.gauge.stop(Unfit::Number))
    }

    fn visit_str<E: Error>(self, it: &str) -> Result<Value, E> {
        self.gauge.within(it.len(), self.gauge.budget.text)?;
        Ok(Value::String(it.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(inner)? {
            self.gauge.one_more()?;
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key_seed(Name(self.gauge))? {
            self.gauge.one_more()?;
            match members.entry(name) {
                Entry::Vacant(free) => free.insert(map.next_value_seed(inner)?),
                Entry::Occupied(_) => return Err(self.gauge.stop(Unfit::DuplicateName)),
            };
        }
        Ok(Value::Object(members))
    }
}

/// The name of a member.
struct Name<'g>(&'g Gauge<'g>);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<String, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, it: &str) -> Result<String, E> {
        self.0.within(it.len(), self.0.budget.name)?;
        Ok(it.to_owned())
    }
}
