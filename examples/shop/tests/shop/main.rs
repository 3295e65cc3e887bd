//! The shop over its sockets: what it promises, and the holes that it keeps open.

#[cfg(test)]
mod canned;
#[cfg(test)]
mod client;
#[cfg(test)]
mod holes;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod record;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod tokens;
