//! The binary `orderly`.

/// Much is short-lived and made by one thread for another: what costs glibc's a fifth of the machine under a load of orders.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    server::cli::run()
}
