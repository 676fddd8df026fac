//! Tables of the corpus with alike schemas, over documents.

use super::family::{Family, fits};
use super::schema::{Schema, head_stands};
use crate::corpus::Corpus;
use crate::error::Result;
use crate::funnel::Counts;
use crate::item::{Column, ColumnKind};
use longlab_documents::Table;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Documents that are read at once.
const WINDOW: usize = 64;

/// A table of the corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Number of its document.
    pub document: usize,
    /// Which of the document's tables.
    pub table: usize,
    /// Its columns, those that can be asked about.
    pub columns: Vec<Column>,
    /// The name of the column that names its rows.
    pub key: Option<String>,
    /// Names of columns of texts that stand in several rows.
    pub repeating: Vec<String>,
}

impl Member {
    /// Whether a column of the table may stand for a letter of a template.
    pub fn fits(&self, letter: char, column: &Column) -> bool {
        let named = |names: &[String]| names.contains(&column.name);
        match letter {
            'k' => self.key.as_deref() == Some(column.name.as_str()),
            'c' => named(&self.repeating),
            letter => fits(letter, column),
        }
    }

    /// Whether a template can be asked of the table.
    pub fn can_be_asked(&self, family: &Family) -> bool {
        let mut left: Vec<&Column> = self.columns.iter().collect();
        family.columns.chars().all(|letter| {
            let found = left.iter().position(|column| self.fits(letter, column));
            found.map(|at| left.swap_remove(at)).is_some()
        })
    }
}

/// Finds the tables that can be asked about.
///
/// # Errors
/// Where the corpus cannot be read.
pub fn members(corpus: &Corpus, fewest_rows: usize, counts: &mut Counts) -> Result<Vec<Member>> {
    let numbers: Vec<usize> =
        corpus.entries().iter().enumerate().filter(|(_, entry)| entry.tables > 0).map(|(number, _)| number).collect();
    let mut members = vec![];
    for window in numbers.chunks(WINDOW) {
        let found: Vec<_> =
            window.par_iter().map(|number| of_document(corpus, *number, fewest_rows)).collect::<Result<_>>()?;
        for schema in found.into_iter().flatten() {
            match schema {
                Ok(member) => {
                    counts.remark("tables that can be asked about");
                    members.push(member);
                }
                Err(reason) => counts.remark(format!("tables passed over: {reason}")),
            }
        }
    }
    Ok(members)
}

type Found = std::result::Result<Member, &'static str>;

fn of_document(corpus: &Corpus, number: usize, fewest_rows: usize) -> Result<Vec<Found>> {
    let document = corpus.read(number)?;
    let one = |(at, table)| {
        let Schema { columns, key } = Schema::of(table, fewest_rows)?;
        if !head_stands(table, &document.text) {
            return Err("a headline that does not stand in the text");
        }
        let name = |at: usize| columns[at].as_ref().map(|column| column.name.clone());
        let repeats = |at: &usize| Some(*at) != key && repeats(table, *at, &columns);
        let repeating = (0..columns.len()).filter(repeats).filter_map(name).collect();
        let key = key.and_then(name);
        Ok(Member { document: number, table: at, columns: columns.into_iter().flatten().collect(), key, repeating })
    };
    Ok(document.tables.iter().enumerate().map(one).collect())
}

/// Whether a column is of texts of which one stands in several rows, and not in all.
fn repeats(table: &Table, at: usize, columns: &[Option<Column>]) -> bool {
    let text = columns[at].as_ref().is_some_and(|column| column.kind == ColumnKind::Text);
    let different: BTreeSet<&str> = table.rows.iter().map(|row| row[at].text.as_str()).collect();
    text && different.len() > 1 && different.len() < table.rows.len()
}

/// Numbers of members that are alike: each shares at least the share `alike` of the columns with the first of its cluster (Jaccard), and goes to the cluster
/// that it is most alike to, the earliest of these.
pub fn clusters(members: &[Member], alike: f64) -> Vec<Vec<usize>> {
    let mut clusters: Vec<(BTreeSet<&Column>, Vec<usize>)> = vec![];
    let mut holding: HashMap<&Column, Vec<usize>> = HashMap::new();
    for (number, member) in members.iter().enumerate() {
        let columns: BTreeSet<&Column> = member.columns.iter().collect();
        let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
        columns
            .iter()
            .filter_map(|column| holding.get(column))
            .flatten()
            .for_each(|at| *shared.entry(*at).or_default() += 1);
        let share = |(at, both): (usize, usize)| {
            let either = clusters[at].0.len() + columns.len() - both;
            (both as f64 / either as f64, at)
        };
        let near = shared.into_iter().map(share).filter(|(share, _)| *share >= alike);
        let best = near.max_by(|one, other| one.0.total_cmp(&other.0).then(other.1.cmp(&one.1)));
        match best {
            Some((_, at)) => clusters[at].1.push(number),
            None => {
                columns.iter().for_each(|column| holding.entry(column).or_default().push(clusters.len()));
                clusters.push((columns, vec![number]));
            }
        }
    }
    clusters.into_iter().map(|(_, members)| members).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::table;

    fn member(document: usize, lines: &str) -> Member {
        let schema = Schema::of(&table(lines), 2).unwrap();
        Member {
            document,
            table: 0,
            columns: schema.columns.into_iter().flatten().collect(),
            key: None,
            repeating: vec![],
        }
    }

    #[test]
    fn tables_of_alike_columns_come_together() {
        let members = [
            member(0, "Name|Mass|Age\na|1|20\nb|5|7"),
            member(1, "City|Height\na|1\nb|5"),
            member(2, "Age|Name|Mass\n3|c|8\n9|d|2"),
            member(3, "Name|Mass|Speed\nc|8|1\nd|2|9"),
        ];
        assert_eq!(clusters(&members, 0.9), [vec![0, 2], vec![1], vec![3]]);
        assert_eq!(clusters(&members, 0.5), [vec![0, 2, 3], vec![1]]);
    }
}
