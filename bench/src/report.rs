//! The results as a person reads them.

use std::fmt::Write;

use anyhow::Result;

use crate::rounds::{Figure, Measured};

/// What a figure is held to.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    Below(f64),
}

impl Target {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::Below(bound) => value < bound,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtMost(bound) => format!("at most {bound}"),
            Self::Below(bound) => format!("below {bound}"),
        }
    }
}

/// A part of the results.
pub(crate) struct Page {
    title: &'static str,
    costs: String,
    /// Figures that are held to something, or that only stand there.
    figures: String,
}

impl Page {
    pub(crate) fn new(title: &'static str) -> Self {
        Self { title, costs: String::new(), figures: String::new() }
    }

    /// Every row: what it costs, and what it costs more than `base`.
    pub(crate) fn costs(&mut self, measured: &Measured, base: &str) -> Result<()> {
        if self.costs.is_empty() {
            self.costs.push_str("| row | us of CPU a request | quartiles | added | quartiles |\n");
            self.costs.push_str("| --- | ---: | ---: | ---: | ---: |\n");
        }
        for name in measured.names() {
            let cost = measured.cost(name)?;
            let added = if name == base { "| |".to_owned() } else { cells(measured.added(name, base)?) };
            writeln!(self.costs, "| {name} {} {added} |", cells(cost))?;
        }
        Ok(())
    }

    /// What the first row adds over the third, divided by what the second adds.
    pub(crate) fn ratio(
        &mut self,
        measured: &Measured,
        (ours, other, base): (&str, &str, &str),
        target: Option<Target>,
    ) -> Result<()> {
        let ratio = measured.ratio(ours, other, base)?;
        self.figure(&format!("{ours} / {other}"), ratio, 2, target)
    }

    /// Any other figure.
    pub(crate) fn figure(
        &mut self,
        what: &str,
        figure: Figure,
        digits: usize,
        target: Option<Target>,
    ) -> Result<()> {
        if self.figures.is_empty() {
            self.figures.push_str("| figure | median | quartiles | target | |\n");
            self.figures.push_str("| --- | ---: | ---: | ---: | --- |\n");
        }
        let Figure { median, low, high } = figure;
        let held = match target {
            None => " | |".to_owned(),
            Some(target) => {
                let verdict = if target.holds(median) { "met" } else { "**missed**" };
                format!(" {} | {verdict} |", target.words())
            }
        };
        writeln!(self.figures, "| {what} | {median:.digits$} | {low:.digits$} to {high:.digits$} |{held}")?;
        Ok(())
    }

    /// A figure without a spread.
    pub(crate) fn single(
        &mut self,
        what: &str,
        value: f64,
        digits: usize,
        target: Option<Target>,
    ) -> Result<()> {
        self.figure(what, Figure { median: value, low: value, high: value }, digits, target)
    }

    pub(crate) fn text(&self) -> String {
        let tables = [self.costs.as_str(), self.figures.as_str()].into_iter().filter(|it| !it.is_empty());
        format!("## {}\n\n{}", self.title, tables.collect::<Vec<_>>().join("\n"))
    }
}

fn cells(Figure { median, low, high }: Figure) -> String {
    format!("| {median:.1} | {low:.1} to {high:.1}")
}
