//! Times products with packed matrices and prints one line of JSON a shape: nanoseconds a product, GFLOP/s, GB/s of the matrix.
//!
//!     linear_time [--isa best] [--rows 1,8,32,256]
//!
//! Each shape walks through 60 MB of matrices, more than a core's own caches hold, as a language model does.

use longlab_kernels::head::Isa;
use longlab_kernels::linear::{Left, Matrix, Region};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1);
    let named = |name: &String| Isa::ALL.into_iter().find(|isa| format!("{isa:?}").eq_ignore_ascii_case(name));
    let isa = after("--isa").and_then(named).unwrap_or(Isa::best());
    let rows = after("--rows").map_or("1,3,8,32,256", String::as_str);
    for (outputs, width) in [(1536, 576), (576, 1536), (576, 576), (49152, 576)] {
        let count = (60 << 20) / (2 * outputs * width);
        let value = |at: usize| ((at * 7919 % 1021) as f32 - 510.0) / 500.0;
        let read = |at: usize, row: &mut [f32]| row.iter_mut().enumerate().for_each(|(i, x)| *x = value(at + 3 * i));
        let matrices: Vec<Matrix> = (0..count).map(|_| Matrix::new(outputs, width, isa, read)).collect();
        for rows in rows.split(',').map(|rows| rows.parse::<usize>().expect("numbers of rows")) {
            let x: Vec<f32> = (0..rows * width).map(value).collect();
            let left = Left::new(&x, width, isa);
            let mut out = vec![0.0; rows * outputs];
            let mut best = f64::MAX;
            for _ in 0..if rows > 32 { 1 } else { 3 } {
                let start = Instant::now();
                matrices.iter().for_each(|matrix| matrix.product(&left, 0, Region::new(&mut out, outputs)));
                best = best.min(start.elapsed().as_secs_f64() / count as f64);
            }
            let (flops, bytes) = (2.0 * (rows * outputs * width) as f64, (2 * outputs * width) as f64);
            println!(
                r#"{{"isa": "{isa:?}", "rows": {rows}, "outputs": {outputs}, "width": {width}, "us": {:.1}, "gflops": {:.1}, "gb_a_second": {:.1}}}"#,
                best * 1e6,
                flops / best / 1e9,
                bytes / best / 1e9
            );
        }
    }
}
