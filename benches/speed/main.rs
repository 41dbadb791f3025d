//! The benchmark. It measures the server's processor time as the operating system counts it, with the
//! server on one core and the load on another, and bare servers in turn with ours: machines are noisy,
//! and ratios are not. Nothing here is a test.

mod access;
mod bare;
mod check;
mod load;
mod measure;
mod process;
mod report;
mod seed;

use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [command @ ("bare" | "tuned"), database, port] =
        arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice()
    {
        let port = port.parse().expect("a port is a number");
        return bare::serve(Path::new(database), port, *command == "tuned");
    }
    process::step_aside();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    tokio::task::LocalSet::new().block_on(&runtime, measure::all(&arguments));
}
