//! The command `htsession`.

use std::process::ExitCode;

fn main() -> ExitCode {
    htsession::main()
}
