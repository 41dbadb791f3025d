//! A QR code as the path of an SVG: one run of dark modules a step.

use qrcode::{Color, EcLevel, QrCode};

/// A drawing of `size` by `size` modules, without the quiet zone.
pub struct Qr {
    pub size: usize,
    pub path: String,
}

impl Qr {
    /// Nothing, if the text is too long for any code.
    pub fn of(text: &str) -> Option<Qr> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let size = code.width();
        let mut path = String::new();
        for (y, row) in code.to_colors().chunks(size).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|one, other| one == other) {
                if run.first() == Some(&Color::Dark) {
                    path.push_str(&format!("M{x} {y}h{}v1h-{}z", run.len(), run.len()));
                }
                x += run.len();
            }
        }
        Some(Qr { size, path })
    }
}
