//! Names of the contract as names of a policy.

/// The most bytes of a policy's name, with room for a number behind it.
const MAX: usize = 56;

/// `getOrderById`, `Order_List` and `order list` as `get-order-by-id`, `order-list`, `order-list`.
pub(super) fn slug(text: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for letter in text.chars() {
        let starts_word =
            letter.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit());
        if starts_word || !(letter.is_ascii_alphanumeric() || letter == '.') {
            out.push('-');
        }
        if letter.is_ascii_alphanumeric() || letter == '.' {
            out.push(letter.to_ascii_lowercase());
        }
        before = letter;
    }
    let mut name = String::new();
    for word in out.split('-').filter(|word| !word.is_empty()) {
        if name.len().saturating_add(word.len()) >= MAX {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(word);
    }
    if name.is_empty() { "unnamed".into() } else { name }
}

/// A name for `$defs` that needs no escape in a pointer.
pub(super) fn plain(text: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    text.chars().map(|letter| if fits(letter) { letter } else { '-' }).collect()
}

/// The name, or the first numbered one that nobody has; it is taken from then on.
pub(super) fn unused(wanted: String, taken: &mut Vec<String>) -> String {
    let numbered = (2_u32..).map(|number| format!("{wanted}-{number}"));
    let free = [wanted.clone()].into_iter().chain(numbered).find(|name| !taken.contains(name));
    let free = free.unwrap_or(wanted);
    taken.push(free.clone());
    free
}
