use crate::{Document, Limits, Reader};

fn document(html: &str) -> Document {
    let reading = Reader::default().read("a.html", html.as_bytes()).unwrap();
    reading.documents[0].check().unwrap();
    reading.documents.into_iter().next().unwrap()
}

fn rows(document: &Document, table: usize) -> Vec<Vec<&str>> {
    let table = &document.tables[table];
    std::iter::once(&table.head).chain(&table.rows).map(|row| row.iter().map(|c| c.text.as_str()).collect()).collect()
}

fn notes(document: &Document) -> Vec<(&str, &str, &str)> {
    document.notes.iter().map(|n| (n.subject.as_str(), n.relation.as_str(), n.object.as_str())).collect()
}

#[test]
fn a_page_reads_as_a_person_reads_it() {
    let page = document(
        "<!DOCTYPE html><html><head><title>Rivers &amp; lakes</title><style>p { x }</style></head><body>\
         <nav><ul><li><a href='/'>Home</a></ul></nav><h1>Rivers<a class=\"headerlink\" href=\"#r\">¶</a></h1>\n\
         <p>The  <b>Rhine</b>, see <a href='rhine.html'>its\npage</a>.<br>Long.<script>var x = '<p>no';</script></p>\
         <ol><li>one<li>two</ol><pre>  kept\n   as is</pre><h2>End</h2><div>x</div><div>y</div>",
    );
    assert_eq!(
        page.text,
        "Rivers\n\nThe Rhine, see its page.\nLong.\n\n1. one\n2. two\n\n  kept\n   as is\n\nEnd\n\nx\ny\n"
    );
    assert_eq!(page.title, "Rivers & lakes");
    let sections: Vec<(&str, u8)> = page.sections.iter().map(|s| (s.title.as_str(), s.level)).collect();
    assert_eq!(sections, [("Rivers", 1), ("End", 2)]);
    let links: Vec<(&str, &str)> = page.links.iter().map(|l| (l.text.as_str(), l.target.as_str())).collect();
    assert_eq!(links, [("its page", "rhine.html")]);
}

#[test]
fn a_headline_behind_spaces_that_are_kept_is_read_whole() {
    for title in ["A", "Été", "A longer headline than the spaces"] {
        let page = document(&format!("<pre>kept          </pre><h2>{title}</h2><p>Words.</p>"));
        assert_eq!(page.text, format!("kept\n\n{title}\n\nWords.\n"));
        assert_eq!(page.sections.iter().map(|section| section.title.as_str()).collect::<Vec<_>>(), [title]);
    }
}

#[test]
fn spans_are_repeated_so_that_each_row_stands_alone() {
    let page = document(
        "<h2>Lengths</h2><table><caption>By <i>country</i></caption><thead><tr><th>River<th colspan=2>km</tr></thead>\
         <tbody><tr><td rowspan=2>Rhine</td><td>865</td><td><p>1230</p></td></tr><tr><td></td><td><a href=x>5</a></td></tr>\
         <tr><td>Ems</tbody></table>after",
    );
    let expected =
        [vec!["River", "km", "km"], vec!["Rhine", "865", "1230"], vec!["Rhine", "", "5"], vec!["Ems", "", ""]];
    assert_eq!(rows(&page, 0), expected);
    assert_eq!(page.tables[0].title, "By country");
    assert_eq!(
        page.tables[0].span.of(&page.text),
        Some("By country\nRiver | km | km\nRhine | 865 | 1230\nRhine |  | 5\nEms")
    );
    assert!(page.text.ends_with("\n\nafter\n"));
}

#[test]
fn definitions_and_infoboxes_become_notes() {
    let page = document(
        "<dl><dt>Weir<dt>Dam</dt><dd><p>holds water</p><p>more</p></dd><dt>Lock<dd>lifts ships</dl>\
         <table class=infobox><tr><th colspan=2>Rhine</th></tr><tr><th>Length:</th><td>1230 km</td></tr>\
         <tr><td colspan=2>picture</td></tr></table>",
    );
    assert_eq!(
        notes(&page),
        [
            ("Weir", "is", "holds water"),
            ("Dam", "is", "holds water"),
            ("Lock", "is", "lifts ships"),
            ("Rhine", "Length", "1230 km")
        ]
    );
    assert!(page.tables.is_empty());
}

#[test]
fn a_table_that_arranges_the_page_is_no_table() {
    let page = document(
        "<table><tr><td>menu</td><td><h1>Head</h1><table><tr><th>a<th>b<tr><td>1<td>2</table></td></tr></table>",
    );
    assert_eq!(page.tables.len(), 1);
    assert_eq!(rows(&page, 0), [["a", "b"], ["1", "2"]]);
    assert_eq!(page.sections[0].title, "Head");
}

#[test]
fn a_first_row_of_words_over_numbers_is_a_head() {
    let page =
        document("<table><tr><td>name<td>km<tr><td>Ems<td>371</table><table><tr><td>x<td>y<tr><td>u<td>v</table>");
    assert_eq!(page.tables.len(), 1);
    assert_eq!(rows(&page, 0)[0], ["name", "km"]);
}

#[test]
fn a_menu_that_never_closes_does_not_hide_the_page() {
    assert_eq!(document("<p>a</p><nav><p>b</p>").text, "a\n\nb\n");
    assert_eq!(document("<p>a</p><nav>m</nav><p>b</p>").text, "a\n\nb\n");
    assert_eq!(document("<p>a</p><div role=navigation>m<div>n</div>o</div><p>b</p>").text, "a\n\nb\n");
}

#[test]
fn hostile_pages_stay_small() {
    let deep = 100_000;
    for open in ["<div>", "<table><tr><td>", "<dl><dd>", "<ul><li>x", "<b>", "<a href=x>", "<h1>", "<pre>", "<nav>"] {
        let read = Reader::default().read("a.html", format!("{}text", open.repeat(deep)).as_bytes());
        let document = read.unwrap().documents.swap_remove(0);
        document.check().unwrap();
        assert!(document.text.contains("text"));
    }
    let wide = "<table><tr><td colspan=1000 rowspan=1000>some words".to_owned() + &"<tr><td>x".repeat(20_000);
    let page = document(&wide);
    assert!(page.text.len() < 8 << 20, "{}", page.text.len());
}

#[test]
fn empty_cells_at_the_end_lie_in_their_table() {
    let table = "<table><tr><th colspan=3>Chapter 1</th></tr><tr><td></td><td></td><td> </td></tr></table>";
    let page = document(&format!("{table}<p>Words.</p>"));
    assert_eq!(rows(&page, 0), [["Chapter 1", "Chapter 1", "Chapter 1"], ["", "", ""]]);
}

#[test]
fn rows_beyond_the_limit_are_counted() {
    let reader = Reader { limits: Limits { cells: 10, ..Limits::default() }, ..Reader::default() };
    let html = format!("<table><tr><th>a<th>b{}</table>", "<tr><td>1<td>2".repeat(9));
    let reading = reader.read("a.html", html.as_bytes()).unwrap();
    assert_eq!(reading.documents[0].tables[0].rows.len(), 4);
    assert_eq!(reading.remarks, [crate::Remark::RowsCut { left_out: 5 }]);
}
