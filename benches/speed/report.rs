//! A line for each thing that is measured: what it is, the limit, what came out.

/// Prints lines as they come.
#[derive(Default)]
pub struct Report {
    over: usize,
}

impl Report {
    pub fn title(&self, machine: &str) {
        println!("{machine}\n");
        println!("| what | limit | measured | |\n|---|---|---|---|");
    }

    /// Something that has to stay within a limit, in its unit.
    pub fn within(&mut self, what: &str, measured: f64, limit: f64, unit: &str, detail: &str) {
        let verdict = if measured <= limit { "ok" } else { "over" };
        self.over += usize::from(measured > limit);
        let (limit, measured) = (figure(limit), figure(measured));
        println!("| {what} | {limit} {unit} | {measured} {unit} ({detail}) | {verdict} |");
    }

    /// Something without a limit.
    pub fn note(&self, what: &str, measured: f64, unit: &str) {
        println!("| {what} | | {} {unit} | |", figure(measured));
    }

    pub fn end(self) {
        match self.over {
            0 => println!("\nAll within their limits."),
            1 => println!("\nOne is over its limit."),
            over => println!("\n{over} are over their limits."),
        }
    }
}

fn figure(number: f64) -> String {
    match number {
        number if number >= 100.0 || number.fract() == 0.0 => format!("{number:.0}"),
        number if number >= 10.0 => format!("{number:.1}"),
        number if number >= 1.0 => format!("{number:.2}"),
        number => format!("{number:.3}"),
    }
}
