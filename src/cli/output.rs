//! Where a verb's document goes: a file, or standard output.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;

/// Writes `text` to the file, else to `out`. The error is a sentence for the user.
pub(crate) fn write(file: Option<&Path>, text: &str, out: &mut dyn Write) -> Result<(), String> {
    match file {
        None => out.write_all(text.as_bytes()).map_err(|error| format!("standard output: {error}")),
        Some(path) => {
            replace(path, text).map_err(|error| format!("{}: cannot be written: {error}", path.display()))
        }
    }
}

/// Writes beside `path` and renames: one move for whoever watches the folder, and the old file until then.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::other("a file's name is missing"))?;
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = File::create(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    written.inspect_err(|_| drop(std::fs::remove_file(&beside)))
}
