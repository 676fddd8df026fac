//! Golden vectors from reference implementations; the scripts that made them lie beside them in `golden/`.

use longlab_kernels::similarity::ratio;

#[test]
fn similarity_is_cpythons_number_exactly() {
    let mut lengths = (false, false);
    for (line, text) in include_str!("golden/difflib.jsonl").lines().enumerate() {
        let [a, b, number]: [String; 3] = serde_json::from_str(text).expect("a line is [a, b, ratio]");
        let expected: f64 = number.parse().expect("a ratio is a number");
        assert_eq!(ratio(&a, &b), expected, "line {}: {a:?} against {b:?}", line + 1);
        let long = b.chars().count() >= 200;
        lengths = (lengths.0 || !long, lengths.1 || long);
    }
    assert_eq!(lengths, (true, true), "both sides of the autojunk length must be covered");
}
