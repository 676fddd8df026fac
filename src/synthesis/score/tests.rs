use super::*;
use proptest::prelude::*;

fn gold(form: Form, text: &str) -> Gold<'_> {
    Gold { form, text, aliases: &[], prefix: "" }
}

fn numeric(text: &str, answer: &str) -> Standing {
    gold(Form::Numeric, text).grade(&format!("Some reasoning.\nThe answer is: {answer}")).standing
}

fn hop(text: &str, answer: &str) -> Standing {
    gold(Form::MultiHop, text).grade(&format!("Therefore, the answer is {answer}")).standing
}

use Standing::{Right, Unparsable, Wrong};

#[test]
fn numbers_are_read_with_what_stands_beside_them() {
    let known = [
        ("5129", "5129", Right),
        ("5129", "5,129.", Right),
        ("5129", "$5,129 million", Right),
        ("5129000000", "$5,129 million", Right),
        ("5129", "USD 5129.00", Right),
        ("5129", "**5129** kg", Right),
        ("5129", "\\boxed{5129}", Right),
        ("5129", "5130", Wrong),
        ("5129", "-5129", Wrong),
        ("-5129", "\u{2212}5,129", Right),
        ("-5129", "-$5,129", Right),
        ("1987", "1988", Wrong),
        ("12000", "12010", Right),
        ("12000", "12100", Wrong),
        ("12.50%", "12.5%", Right),
        ("12.50%", "12.50 percent", Right),
        ("12.50%", "12.5", Right),
        ("12.50%", "12.499", Right),
        ("12.50%", "0.125", Wrong),
        ("0.33", "0.3333", Right),
        ("0.33", "0.34", Wrong),
        ("0.00", "0", Right),
        ("0.00", "0.1", Wrong),
        ("1234567.89", "1.23456789e6", Right),
        ("16", "16 or 17", Unparsable),
        ("16", "16-17", Unparsable),
        ("16", "16/20", Unparsable),
        ("16", "16 km2", Right),
        ("16", "16. It follows from 4 times 4.", Right),
        ("16", "sixteen", Unparsable),
        ("16", "not 16", Unparsable),
        ("1.5", "1,5", Unparsable),
        ("16", "nan", Unparsable),
        ("16", "1e999", Unparsable),
        (".5", "0.5", Right),
    ];
    for (gold, answer, standing) in known {
        assert_eq!(numeric(gold, answer), standing, "{gold} against {answer}");
    }
}

#[test]
fn lists_are_compared_in_any_order() {
    let list = r#"["Ann Reed","Tom, the Elder","C++"]"#;
    let known = [
        (r#"["C++", "Tom, the Elder", "Ann Reed"]"#, Right),
        (r#"["c++", "Tom the Elder", "ANN REED"]"#, Right),
        ("['Ann Reed'; 'Tom, the Elder'; 'C++']", Right),
        ("Ann Reed; Tom, the Elder; C++", Right),
        (r#"["Ann Reed", "Tom, the Elder"]"#, Wrong),
        (r#"["Ann Reed", "Tom, the Elder", "C++", "Zoe"]"#, Wrong),
        (r#"["Ann Reed", "Tom, the Elder", "C#"]"#, Wrong),
        ("none", Wrong),
        ("[]", Wrong),
    ];
    for (answer, standing) in known {
        assert_eq!(hop(list, answer), standing, "{answer}");
    }
    assert_eq!(hop(r#"["a b","c"]"#, "c, a b"), Right);
    assert_eq!((hop("[]", "[]"), hop("[]", "none"), hop("[]", "[\"a\"]")), (Right, Right, Wrong));
    let lines = "The answer is:\n```json\n[\"a b\",\n \"c\"]\n```";
    assert_eq!(gold(Form::MultiHop, r#"["a b","c"]"#).grade(&lines.replace("```json\n", "")).standing, Right);
    // A list is not found in a sentence that names its texts and others.
    assert_eq!(hop(r#"["a b"]"#, "a b, c d"), Wrong);
}

#[test]
fn dates_are_compared_however_they_are_written() {
    for right in ["2019-03", "March 2019", "Mar. 2019", "2019-03-14", "14 March 2019"] {
        assert_eq!(hop("2019-03", right), Right, "{right}");
    }
    for wrong in ["2019-04", "March 2018", "2019"] {
        assert_eq!(hop("2019-03", wrong), Wrong, "{wrong}");
    }
    assert_eq!((hop("2019-03-14", "14 March 2019"), hop("2019-03-14", "March 2019")), (Right, Wrong));
}

#[test]
fn texts_are_covered_word_by_word() {
    let known = [
        ("Ann Reed", "the mayor Ann Reed, of Oslo", Right),
        ("Ann Reed", "Reed, Ann", Wrong),
        ("Ann", "Anna", Wrong),
        ("Ann", "Ann-Marie", Wrong),
        ("Jean-Luc", "Jean Luc", Right),
        ("C++", "C#", Wrong),
        ("C", "C++", Wrong),
        ("3.5", "35", Wrong),
        ("-5", "5", Wrong),
        ("foo_bar", "`foo_bar`", Right),
        ("foo", "foo_bar", Wrong),
        ("The The", "the the", Right),
        ("1987", "1,987", Right),
        ("1987", "in 1987", Right),
        ("Ångström", "ångström", Right),
        ("北京", "北京。", Right),
        ("St. John's", "St Johns", Right),
        ("\u{2603}", "\u{2603}", Right),
    ];
    for (gold, answer, standing) in known {
        assert_eq!(hop(gold, answer), standing, "{gold} against {answer}");
    }
    let other = ["Anne Reed".to_string()];
    let aliased = Gold { form: Form::Reading, text: "Ann Reed", aliases: &other, prefix: "" };
    assert!(aliased.grade("The answer is Anne Reed").is_right());
}

#[test]
fn a_choice_is_one_letter() {
    let choice =
        |answer: &str| gold(Form::MultipleChoice, "(C)").grade(&format!("The correct answer is {answer}")).standing;
    for right in ["(C).", "C", "**C**", "C. A town", "C) Oslo", "(c)", "c"] {
        assert_eq!(choice(right), Right, "{right}");
    }
    assert_eq!(choice("(A)"), Wrong);
    for unread in ["(C) (A)", "C or B", "Oslo", "option B", "A or C"] {
        assert_eq!(choice(unread), Unparsable, "{unread}");
    }
}

#[test]
fn a_turn_begins_with_its_prefix() {
    let turn = Gold { form: Form::Dialogue, text: "qwertyuiopA river is wide.", aliases: &[], prefix: "qwertyuiop" };
    assert_eq!(turn.grade("qwertyuiopA river is wide.").score, 1.0);
    assert_eq!(turn.grade("<think>so</think>\n\nqwertyuiopA river is wide.<|im_end|>").score, 1.0);
    for without in ["A river is wide.", "Here it is: qwertyuiopA river is wide.", "QwertyuiopA river is wide."] {
        assert_eq!(turn.grade(without), Graded { standing: Wrong, score: 0.0 }, "{without}");
    }
    // The prefix is no part of what is compared: alone it is worth nothing.
    assert_eq!(turn.grade("qwertyuiop").score, 0.0);
    let part = turn.grade("qwertyuiopA river is long.").score;
    assert!(part > 0.5 && part < 1.0, "{part}");
    assert_eq!(turn.grade("").standing, Unparsable);
}

#[test]
fn only_the_last_phrase_outside_of_thinking_counts() {
    let oslo = gold(Form::Reading, "Oslo");
    for right in [
        "<think>the answer is Lima</think> Therefore, the answer is Oslo.",
        "The answer is Lima. No. The answer is: Oslo",
        "THE FINAL ANSWER IS\n\n**Oslo**",
        "the answer is Oslo. I hope that this answer is of use.",
        "\u{130}\u{1e9e} the answer is Oslo",
        "Answer is Oslo",
        "the answer is \"Oslo\"<|im_end|> the answer is Lima",
    ] {
        assert_eq!(oslo.grade(right).standing, Right, "{right}");
    }
    for unread in ["Oslo", "<think>the answer is Oslo", "My answer is Oslo", "the answer is", "the answer is: \"\"", ""]
    {
        assert_eq!(oslo.grade(unread).standing, Unparsable, "{unread}");
    }
    assert_eq!(oslo.grade("the answer is Oslo. Wait, the answer is Lima").standing, Wrong);
}

#[test]
fn a_leak_is_found_without_the_phrase() {
    assert!(gold(Form::MultiHop, "Oslo").is_told("It must be Oslo, I think."));
    assert!(!gold(Form::MultiHop, "Oslo").is_told("<think>Oslo</think> I do not know."));
    assert!(gold(Form::Numeric, "12.50").is_told("I reckon\n12.5 kg"));
    // Numbers are everywhere; only a last line that is one gives it away.
    assert!(!gold(Form::Numeric, "12").is_told("There are 12 months.\nI do not know."));
    assert!(gold(Form::MultiHop, r#"["a b"]"#).is_told("[\"a b\"]"));
    let turn = Gold { form: Form::Dialogue, text: "abcText of it", aliases: &[], prefix: "abc" };
    assert!(turn.is_told("abcText of it") && !turn.is_told("Text of it"));
}

proptest! {
    #[test]
    fn no_reply_is_too_much(text in "\\PC{0,20}", reply in "(The answer is:? )?\\PC{0,60}") {
        for form in [Form::MultipleChoice, Form::MultiHop, Form::Reading, Form::Dialogue, Form::Numeric] {
            let gold = Gold { form, text: &text, aliases: &[], prefix: "" };
            let graded = gold.grade(&reply);
            prop_assert!((0.0..=1.0).contains(&graded.score));
            prop_assert_eq!(graded.is_right(), graded.score >= RIGHT);
            gold.is_told(&reply);
        }
    }

    #[test]
    fn a_number_is_right_against_itself(cents in -1_000_000_000i64..1_000_000_000) {
        let text = format!("{:.2}", cents as f64 / 100.0);
        prop_assert_eq!(numeric(&text, &text), Right);
        let percent = format!("{text}%");
        prop_assert_eq!(numeric(&percent, &percent), Right);
    }

    #[test]
    fn a_text_is_right_against_itself(text in "[a-zA-Z0-9éß+#_' -]{1,30}") {
        prop_assume!(!text::words(&text).is_empty());
        prop_assert!(hop(&text, &text) != Wrong, "{}", text);
    }
}
