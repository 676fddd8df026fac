//! Chat templates against transformers' own results.

use longlab::lm::chat::{ChatError, Moment, Template};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn golden(name: &str) -> PathBuf {
    Path::new("tests/goldens/model").join(name)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The moment at which make_chat.py stopped the clock.
fn then() -> Moment {
    Moment::day("2026-11-22").and_then(|day| day.time(13, 5, 9)).unwrap()
}

fn apply(source: &str, case: &Value) -> Result<String, ChatError> {
    let mut template = Template::new(source)?.at(then());
    for (name, value) in case["variables"].as_object().unwrap() {
        template = template.with(name, value.clone());
    }
    let tools = case["tools"].as_array().map(Vec::as_slice);
    template.render(case["messages"].as_array().unwrap(), case["prompt"].as_bool().unwrap(), tools)
}

/// Equal texts, or errors of both.
fn check(name: &str, number: usize, found: Result<String, ChatError>, expected: &Value) {
    match (found, expected["output"].as_str(), expected["error"].as_str()) {
        (Ok(found), Some(expected), _) => assert_eq!(found, expected, "{name}, case {number}"),
        (Err(ChatError::Refused { message }), _, Some(expected)) => {
            assert_eq!(message, expected, "{name}, case {number}")
        }
        (found, ..) => panic!("{name}, case {number}: {found:?}, expected {expected}"),
    }
}

fn own(name: &str) {
    let golden_file = read(&golden("chat.json"));
    let source = std::fs::read_to_string(golden("templates").join(name)).unwrap();
    let results = golden_file["templates"][name].as_array().unwrap();
    for (number, (case, expected)) in golden_file["cases"].as_array().unwrap().iter().zip(results).enumerate() {
        check(name, number, apply(&source, case), expected);
    }
}

#[test]
fn a_thinking_models_template() {
    own("think.jinja");
}

#[test]
fn macros_loops_and_filters() {
    own("macros.jinja");
}

#[test]
fn values_as_python_writes_them() {
    own("values.jinja");
}

#[test]
fn methods_of_texts_and_dictionaries() {
    own("methods.jinja");
}

#[test]
fn refusals() {
    own("refusal.jinja");
}

#[test]
fn the_generation_tag() {
    own("generation.jinja");
}

#[test]
fn the_date() {
    own("date.jinja");
}

#[test]
fn a_date_that_nobody_gave_is_an_error() {
    let template = Template::new("{{ strftime_now('%Y') }}").unwrap();
    let error = template.render(&[], false, None).unwrap_err().to_string();
    assert!(error.contains("the template asks for the date"), "{error}");
}

#[test]
fn what_is_wrong_is_said() {
    assert!(Template::new("{% if %}").err().unwrap().to_string().contains("chat template: syntax error"));
    let template = Template::new("{{ messages[0].content.nothing() }}").unwrap();
    assert!(matches!(template.render(&[json!({"content": "a"})], false, None), Err(ChatError::Template { .. })));
    assert!(matches!(template.render(&[json!({}), json!("a")], false, None), Err(ChatError::Message { number: 1 })));
}

#[test]
fn an_endless_template_ends() {
    let source = "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}";
    let error = Template::new(source).unwrap().render(&[], false, None).unwrap_err();
    assert!(error.to_string().contains("fuel"), "{error}");
}

/// Needs the templates that make_chat.py has written out, in the folder that LONGLAB_TEMPLATES names.
#[test]
#[ignore = "needs templates of other packages"]
fn templates_of_other_packages() {
    let folder = PathBuf::from(std::env::var("LONGLAB_TEMPLATES").expect("LONGLAB_TEMPLATES names a folder"));
    let cases = read(&golden("chat.json"))["cases"].clone();
    let short = |text: &str| blake3::hash(text.as_bytes()).to_hex()[..16].to_owned();
    let (mut same, mut different) = (0, Vec::new());
    for (name, expected) in read(&golden("chat_others.json")).as_object().unwrap() {
        let source = std::fs::read_to_string(folder.join(format!("{name}.jinja"))).unwrap();
        assert_eq!(expected["template"], short(&source), "{name} is another template than that of the goldens");
        for (number, case) in cases.as_array().unwrap().iter().enumerate() {
            let found = apply(&source, case).map_or_else(|_| "error".to_owned(), |text| short(&text));
            if expected["outputs"][number] == found { same += 1 } else { different.push(format!("{name} {number}")) }
        }
    }
    // Their content is none, over which Python refuses to iterate and minijinja iterates as over nothing.
    let known = ["qwen2_5_vl 10", "qwen2_5_vl_training 10"];
    assert_eq!(different, known, "{same} are the same");
}

/// The fuel is enough for far more than a model's window: 2,000 turns and a document of 4 MB.
#[test]
fn a_long_conversation_is_rendered() {
    let document = "Anna lives in Bern.\n".repeat(200_000);
    let mut messages = vec![json!({"role": "user", "content": document})];
    for turn in 0..1_000 {
        messages.push(json!({"role": "assistant", "content": format!("<think>\nTurn {turn}.\n</think>\n\nIn Bern.")}));
        messages.push(json!({"role": "user", "content": format!("And in turn {turn}?")}));
    }
    let source = std::fs::read_to_string(golden("templates/think.jinja")).unwrap();
    let prompt = Template::new(&source).unwrap().render(&messages, true, None).unwrap();
    assert!(prompt.len() > document.len() && prompt.contains("And in turn 999?"), "{}", prompt.len());
}

/// Templates that want all time, all memory, all stack, or what a template has no business with.
#[test]
fn hostile_templates_end_in_errors() {
    let hostile = [
        "{% for a in range(1000000000) %}{% endfor %}",
        "{{ 'x' * 1000000000 }}",
        "{% set n = namespace(t='x' * 1000) %}{% for a in range(90000) %}{% set n.t = n.t + n.t %}{% endfor %}",
        "{% set t = 'x' * 1000000 %}{{ t.replace('x', t) }}",
        "{% set t = 'x' * 1000000 %}{{ t.replace('', t) }}",
        "{% set t = 'x' * 1000000 %}{% set l = [t] * 90000 %}{{ ''.join(l) }}",
        "{% set t = 'x' * 1000000 %}{% set l = [t] * 90000 %}{{ l | join }}",
        "{% set t = 'x' * 1000000 %}{% set l = [t] * 90000 %}{{ l | tojson }}",
        "{% set t = 'x' * 1000000 %}{% set l = [t] * 90000 %}{{ l }}",
        "{% set t = 'x' * 9000000 %}{{ t.split('x') }}",
        "{{ '{:>1000000000}'.format('a') }}",
        "{{ '%1000000000s' | format('a') }}",
        "{{ [[[[1]]]] | tojson(indent=1000000000) }}",
        "{{ [1, 2, 3] | tojson(separators=('x' * 100000, ':')) }}",
        "{% set t = 'x' * 1000000 %}{% for a in range(90000) %}{% set b = t.count('y') %}{% endfor %}",
        "{% set n = namespace(l=[]) %}{% for a in range(90000) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l }}",
        "{% set n = namespace(l=[]) %}{% for a in range(90000) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l | tojson }}",
        "{% set n = namespace(l=[]) %}{% for a in range(90000) %}{% set n.l = [n.l] %}{% endfor %}{{ n.l | tojson }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ messages.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{% include '/etc/passwd' %}",
        "{% import '/etc/passwd' as p %}{{ p }}",
        "{% extends 'chat' %}",
        "{% include 'chat' %}",
    ];
    for source in hostile {
        let result = Template::new(source).and_then(|template| template.render(&[json!({"role": "user"})], true, None));
        assert!(matches!(result, Err(ChatError::Template { .. })), "{source}: {:?}", result.map(|text| text.len()));
    }
}

/// The engine recurses over signs, nested lists and values that hold themselves; none of it may overflow a stack.
#[test]
fn deep_and_circular_templates_end_in_errors() {
    let [open, close] = ["(", ")"].map(|bracket| bracket.repeat(60_000));
    let long = [format!("{{{{ {open}1{close} }}}}"), "{% if a %}".repeat(10_000), "x".repeat(200_000)];
    for source in long {
        assert!(matches!(Template::new(&source), Err(ChatError::Template { .. })));
    }
    let circle = "{% set n = namespace() %}{% set n.a = n %}";
    let inner = "{% set n = namespace() %}{% set n.a = {'b': [n]} %}";
    let block = "{% set n = namespace() %}{% set n.a | default(n, true) %}{% endset %}";
    let deep = "{% set n = namespace(l=[]) %}{% for a in range(90000) %}{% set n.l = [n.l] %}{% endfor %}";
    let wide = "{% set n = namespace(l=[]) %}{% for a in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}";
    for source in [circle, inner, block, deep, wide] {
        let result = Template::new(source).unwrap().render(&[], false, None);
        assert!(matches!(result, Err(ChatError::Template { .. })), "{source}: {result:?}");
    }
}

#[test]
fn a_long_row_of_signs_is_read() {
    let signs = "-".repeat(100_000);
    assert_eq!(Template::new(&format!("{{{{ {signs}1 }}}}")).unwrap().render(&[], false, None).unwrap(), "1");
}
