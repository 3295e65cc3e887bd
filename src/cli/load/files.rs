//! The texts of all files of one run, for the reader and then for the report's source lines.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::rc::Rc;

/// Every file that was read, by the name that places call it.
#[derive(Default)]
pub(crate) struct Files(HashMap<Rc<str>, String>);

/// What a file is called in places: its path as it was asked for.
pub(super) fn name(path: &Path) -> Rc<str> {
    path.display().to_string().into()
}

impl Files {
    /// The file's name and text, or why it cannot be had.
    pub(super) fn read(&mut self, path: &Path) -> Result<(Rc<str>, &str), Box<str>> {
        let bytes = fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("there is no file `{}`", path.display()),
            _ => format!("`{}`: {error}", path.display()),
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
            let line = good.filter(|byte| **byte == b'\n').count().saturating_add(1);
            format!("`{}` is not UTF-8 in line {line}", path.display())
        })?;
        let name = name(path);
        Ok((name.clone(), self.0.entry(name).insert_entry(text).into_mut()))
    }

    /// A line of a file that was read, counted from 1.
    pub(crate) fn line(&self, file: &str, line: usize) -> Option<&str> {
        self.0.get(file)?.lines().nth(line.checked_sub(1)?)
    }
}
