//! Values as YAML that reads the same in YAML 1.1 and 1.2: what could be taken for anything but text is quoted.

use serde_json::Value;

/// The longest value that stays on one line.
const WIDTH: usize = 110;

/// A value on one line.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::String(it) => text(it),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(members) if members.is_empty() => "{}".into(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{}: {}", text(name), inline(value));
            format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// `name: value` at an indent; a value that is long goes on below, a line each member.
pub(super) fn field(name: &str, value: &Value, indent: usize, out: &mut Vec<String>) {
    let name = text(name);
    put(&format!("{name}:"), value, indent, out);
}

fn put(lead: &str, value: &Value, indent: usize, out: &mut Vec<String>) {
    let pad = " ".repeat(indent);
    let short = inline(value);
    let whole = format!("{pad}{lead} {short}");
    let inner = indent.saturating_add(2);
    match value {
        Value::Object(members) if whole.len() > WIDTH && !members.is_empty() => {
            out.push(format!("{pad}{lead}"));
            for (name, value) in members {
                field(name, value, inner, out);
            }
        }
        Value::Array(items) if whole.len() > WIDTH && !items.is_empty() => {
            out.push(format!("{pad}{lead}"));
            for item in items {
                element(item, inner, out);
            }
        }
        _ => out.push(whole),
    }
}

/// An element of a list that is broken into lines.
fn element(item: &Value, indent: usize, out: &mut Vec<String>) {
    let pad = " ".repeat(indent);
    let short = inline(item);
    match item {
        Value::Object(members) if indent.saturating_add(short.len()) > WIDTH => {
            let mut lines = Vec::new();
            for (name, value) in members {
                field(name, value, indent.saturating_add(2), &mut lines);
            }
            // The first member stands behind the dash.
            if let Some(first) = lines.first_mut() {
                *first = format!("{pad}- {}", first.trim_start());
            }
            out.append(&mut lines);
        }
        _ => out.push(format!("{pad}- {short}")),
    }
}

/// A text as it is where no reader takes it for anything else, and quoted as JSON quotes elsewhere.
fn text(it: &str) -> String {
    let starts = it.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':');
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let word = words.iter().any(|word| it.eq_ignore_ascii_case(word));
    if starts && it.chars().all(plain) && !it.ends_with(':') && !word {
        return it.into();
    }
    Value::String(it.into()).to_string()
}
