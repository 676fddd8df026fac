//! Tables of the corpus with alike schemas, over documents.

use super::schema::Schema;
use crate::corpus::Corpus;
use crate::error::Result;
use crate::funnel::Counts;
use crate::item::Column;
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
        let key = key.and_then(|key| columns[key].as_ref()).map(|column| column.name.clone());
        Ok(Member { document: number, table: at, columns: columns.into_iter().flatten().collect(), key })
    };
    Ok(document.tables.iter().enumerate().map(one).collect())
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
        Member { document, table: 0, columns: schema.columns.into_iter().flatten().collect(), key: None }
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
