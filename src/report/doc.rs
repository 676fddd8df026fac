//! A report as a list of blocks, written out as Markdown or HTML.

/// One part of a report.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A section heading.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// A remark that must not be overlooked.
    Warning(String),
    /// A list.
    List(Vec<String>),
    /// A table.
    Table(Table),
    /// Short words in groups of ten, with what they are.
    Tally {
        /// What is counted.
        name: String,
        /// One word an item, in order.
        words: Vec<String>,
    },
    /// A plot by its file name without ending, with its caption.
    Plot {
        /// File name without ending.
        name: String,
        /// Caption and text alternative.
        caption: String,
        /// Shows published numbers only.
        published: bool,
    },
}

/// A table of text.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Table {
    /// What the table shows.
    pub caption: String,
    /// Holds published numbers only.
    pub published: bool,
    /// Column names.
    pub head: Vec<String>,
    /// Rows as long as `head`.
    pub rows: Vec<Vec<Cell>>,
    /// What each row opens to on a page, in the order of the rows; shorter or empty where rows do not open. Pages only: other
    /// formats have the tables alone.
    pub details: Vec<Vec<Block>>,
}

/// A cell: its value, and its interval where it has one.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Cell {
    /// The value.
    pub main: String,
    /// The interval.
    pub interval: Option<String>,
    /// Where it leads to, on a page.
    pub link: Option<String>,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(main: T) -> Self {
        Self { main: main.into(), ..Self::default() }
    }
}

/// A whole report.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Title.
    pub title: String,
    /// Everything below the title.
    pub blocks: Vec<Block>,
}
