//! Rows measured in turn: every round asks each of them once, in changing order, so that what happens to the machine
//! happens to all of them.

use std::net::SocketAddr;

use anyhow::{Context, Result};

use crate::cpu::Workers;
use crate::load::Load;

/// Connections of each row.
const CONNECTIONS: usize = 8;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    /// Requests of one row in one round.
    pub(crate) requests: usize,
}

impl Effort {
    pub(crate) fn of(quick: bool) -> Self {
        if quick { Self { rounds: 7, requests: 96 } } else { Self { rounds: 41, requests: 240 } }
    }

    /// The same with fewer requests, for rows of which each takes long.
    pub(crate) fn requests(self, requests: usize) -> Self {
        Self { requests: requests.min(self.requests), ..self }
    }

    /// How many requests a row sends that never sends one twice: warming takes as many as a round.
    pub(crate) fn all(self) -> usize {
        self.rounds.saturating_add(1).saturating_mul(self.requests)
    }
}

/// What is sent again and again to one listener.
pub(crate) struct Row {
    name: String,
    load: Load,
    requests: Vec<Vec<u8>>,
    status: u16,
    next: usize,
}

impl Row {
    /// Sends `requests` over and over; each is answered with `status`.
    pub(crate) fn new(name: &str, address: SocketAddr, requests: Vec<Vec<u8>>, status: u16) -> Result<Self> {
        let load = Load::new(address, CONNECTIONS)?;
        Ok(Self { name: name.to_owned(), load, requests, status, next: 0 })
    }

    fn send(&mut self, count: usize) -> Result<()> {
        let requests: Vec<&[u8]> =
            self.requests.iter().cycle().skip(self.next).take(count).map(Vec::as_slice).collect();
        self.next = self.next.saturating_add(count).checked_rem(self.requests.len()).unwrap_or_default();
        self.load.run_all(&requests, self.status).with_context(|| format!("`{}`", self.name))
    }
}

/// Microseconds of the workers' time for a request: by row, then by round.
pub(crate) struct Measured {
    rows: Vec<(String, Vec<f64>)>,
}

/// A median, and the quartiles around it.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Measures all rows.
pub(crate) fn measure(workers: &Workers, rows: &mut [Row], effort: Effort) -> Result<Measured> {
    for row in rows.iter_mut() {
        row.send(effort.requests)?;
    }
    let mut times: Vec<Vec<f64>> = rows.iter().map(|_| Vec::new()).collect();
    for round in 0..effort.rounds {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.rotate_left(round.saturating_mul(7).checked_rem(rows.len()).unwrap_or_default());
        if round.is_multiple_of(2) {
            order.reverse();
        }
        for index in order {
            let (Some(row), Some(times)) = (rows.get_mut(index), times.get_mut(index)) else { continue };
            let before = workers.nanos()?;
            row.send(effort.requests)?;
            let spent = workers.nanos()?.saturating_sub(before);
            times.push(spent as f64 / effort.requests as f64 / 1000.0);
        }
    }
    let names = rows.iter().map(|row| row.name.clone());
    Ok(Measured { rows: names.zip(times).collect() })
}

impl Measured {
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|(name, _)| name.as_str())
    }

    fn times(&self, name: &str) -> Result<&[f64]> {
        let row = self.rows.iter().find(|(known, _)| known == name);
        Ok(&row.with_context(|| format!("no row `{name}`"))?.1)
    }

    /// What a row costs.
    pub(crate) fn cost(&self, name: &str) -> Result<Figure> {
        Ok(Figure::of(self.times(name)?.to_vec()))
    }

    /// What a row costs more than another, round by round.
    pub(crate) fn added(&self, name: &str, over: &str) -> Result<Figure> {
        let pairs = self.times(name)?.iter().zip(self.times(over)?);
        Ok(Figure::of(pairs.map(|(one, other)| one - other).collect()))
    }

    /// How often the cost that `native` adds `ours` adds, both over `base`, round by round.
    pub(crate) fn ratio(&self, ours: &str, native: &str, base: &str) -> Result<Figure> {
        let (ours, native, base) = (self.times(ours)?, self.times(native)?, self.times(base)?);
        let rounds = ours.iter().zip(native).zip(base);
        Ok(Figure::of(rounds.map(|((ours, native), base)| (ours - base) / (native - base)).collect()))
    }
}

impl Figure {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: usize| {
            let index = values.len().saturating_sub(1).saturating_mul(part) / 4;
            values.get(index).copied().unwrap_or(f64::NAN)
        };
        Self { median: at(2), low: at(1), high: at(3) }
    }
}
