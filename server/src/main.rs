//! The binary `orderly`.

fn main() -> std::process::ExitCode {
    server::cli::run()
}
