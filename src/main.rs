//! The command line `portcullis`; all of it is in [`portcullis::cli`].

fn main() -> std::process::ExitCode {
    portcullis::cli::run(std::env::args_os())
}
