//! PDF files: bytes as they are, or objects that are put into a file whose places and lengths are right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longlab_fuzz::documents::read;
use longlab_fuzz::foreign::{HALF, halves, parts};

/// A file of these objects, the first of them the catalogue. What stands behind a half mark is an object's stream.
fn assembled(input: &[u8]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (number, part) in parts(input).enumerate() {
        places.push(file.len());
        file.extend(format!("{} 0 obj\n", number + 1).bytes());
        let (object, stream) = halves(part, HALF);
        match (object.strip_prefix(b"<<"), stream) {
            (Some(rest), Some(stream)) => {
                file.extend(format!("<< /Length {} ", stream.len()).bytes());
                file.extend([rest, b"\nstream\n", stream, b"\nendstream"].concat());
            }
            _ => file.extend(object),
        }
        file.extend(b"\nendobj\n");
    }
    let table = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).bytes());
    places.iter().for_each(|place| file.extend(format!("{place:010} 00000 n \n").bytes()));
    file.extend(format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", places.len() + 1).bytes());
    file
}

fuzz_target!(|input: &[u8]| {
    match input.strip_prefix(b"!") {
        Some(objects) => read("!x.pdf", &assembled(objects)),
        None if input.starts_with(b"%PDF-") => read("x.pdf", input),
        None => read("x.pdf", &assembled(input)),
    }
});
