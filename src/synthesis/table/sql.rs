//! Queries over the facts of an item, in memory, read-only and with limits.
//!
//! What documents say comes in through bound parameters alone. A query may read the table `facts` and call the functions of a list; everything else is
//! refused when it is compiled. A query that takes too many steps or gives too many rows is ended.

use crate::item::{Column, ColumnKind, Row};
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Functions that a query may call.
pub(super) const FUNCTIONS: [&str; 12] =
    ["abs", "avg", "count", "iif", "ifnull", "coalesce", "max", "min", "nullif", "round", "substr", "sum"];

/// Steps of SQLite's machine between two looks at the budget.
const STRIDE: i32 = 1_000;

/// Steps that a query may take: about a second.
const STEPS: u64 = 50_000_000;

/// Rows that a query may give.
const ROWS: usize = 1_000;

/// Rows that the table may have.
const FACTS: usize = 20_000;

/// Why a query has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// It does more than to read the table.
    #[error("the query does more than to read `facts`: {0}")]
    Refused(String),
    /// It takes too long.
    #[error("the query takes more than {STEPS} steps")]
    Endless,
    /// It gives too many rows, or the table has too many.
    #[error("more rows than the {0} that are allowed")]
    Rows(usize),
    /// It is wrong.
    #[error("the query fails: {0}")]
    Failed(String),
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::AuthorizationForStatementDenied) => SqlError::Refused(error.to_string()),
            Some(rusqlite::ErrorCode::OperationInterrupted) => SqlError::Endless,
            _ => SqlError::Failed(error.to_string()),
        }
    }
}

/// A table `facts` that can be asked.
pub struct Facts {
    connection: Connection,
    columns: Vec<String>,
    /// Whether statements of ours are being compiled.
    ours: Arc<AtomicBool>,
    steps: Arc<AtomicU64>,
}

impl Facts {
    /// The table of these columns and rows.
    ///
    /// # Errors
    /// Where there are too many rows, or rows do not fit the columns.
    pub fn new(columns: &[Column], rows: &[Row]) -> Result<Facts, SqlError> {
        if rows.len() > FACTS {
            return Err(SqlError::Rows(FACTS));
        }
        let ours = Arc::new(AtomicBool::new(true));
        let steps = Arc::new(AtomicU64::new(0));
        let facts = Facts { connection: sandbox(&ours, &steps)?, columns: names(columns), ours, steps };
        let declared: Vec<String> = columns
            .iter()
            .zip(&facts.columns)
            .map(|(column, name)| format!("{name} {}", affinity(column.kind)))
            .collect();
        facts.connection.execute(&format!("CREATE TABLE facts ({})", declared.join(", ")), [])?;
        let marks = vec!["?"; columns.len()].join(", ");
        let mut insert = facts.connection.prepare(&format!("INSERT INTO facts VALUES ({marks})"))?;
        for row in rows {
            insert.execute(params_from_iter(row.values.iter().map(bound)))?;
        }
        drop(insert);
        facts.ours.store(false, Ordering::Relaxed);
        Ok(facts)
    }

    /// The rows that a query gives.
    ///
    /// # Errors
    /// [`SqlError`].
    pub fn ask(&self, query: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        self.steps.store(0, Ordering::Relaxed);
        let mut statement = self.connection.prepare(query)?;
        if !statement.readonly() || statement.column_count() == 0 {
            return Err(SqlError::Refused("it is no SELECT".into()));
        }
        let width = statement.column_count();
        let mut rows = statement.query(params_from_iter(parameters.iter().map(bound)))?;
        let mut given = vec![];
        while let Some(row) = rows.next()? {
            if given.len() == ROWS {
                return Err(SqlError::Rows(ROWS));
            }
            given.push((0..width).map(|at| found(row.get_ref(at)?)).collect::<Result<Vec<Value>, SqlError>>()?);
        }
        Ok(given)
    }

    /// Steps that the last query took, to the thousand.
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// What a query gives when the cell of a row and a column is empty.
    ///
    /// # Errors
    /// [`SqlError`].
    pub fn ask_without(
        &self,
        (row, column): (usize, usize),
        value: &Value,
        query: &str,
        parameters: &[Value],
    ) -> Result<Vec<Vec<Value>>, SqlError> {
        self.put(row, column, &Value::Null)?;
        let given = self.ask(query, parameters);
        self.put(row, column, value)?;
        given
    }

    fn put(&self, row: usize, column: usize, value: &Value) -> Result<(), SqlError> {
        self.ours.store(true, Ordering::Relaxed);
        let statement =
            self.connection.prepare_cached(&format!("UPDATE facts SET {} = ?1 WHERE rowid = ?2", self.columns[column]));
        self.ours.store(false, Ordering::Relaxed);
        statement?.execute((bound(value), row as i64 + 1))?;
        Ok(())
    }
}

/// Names of columns as they stand in a query.
pub fn names(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| format!("\"{}\"", column.name.replace('"', "\"\""))).collect()
}

fn affinity(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Number => "REAL",
        ColumnKind::Year => "INTEGER",
        ColumnKind::Date | ColumnKind::Text => "TEXT",
    }
}

fn sandbox(ours: &Arc<AtomicBool>, steps: &Arc<AtomicU64>) -> Result<Connection, SqlError> {
    let mut connection = Connection::open_in_memory()?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // A name that is no column must be an error, not a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    let limits = [
        (Limit::SQLITE_LIMIT_LENGTH, 1 << 20),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 1 << 16),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 50),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 8),
        (Limit::SQLITE_LIMIT_VDBE_OP, 50_000),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ];
    limits.into_iter().try_for_each(|(limit, value)| connection.set_limit(limit, value).map(|_| ()))?;
    let ours = ours.clone();
    connection
        .authorizer(Some(move |context: AuthContext<'_>| allow(ours.load(Ordering::Relaxed), &context.action)))?;
    let steps = steps.clone();
    let too_long = move || steps.fetch_add(STRIDE as u64, Ordering::Relaxed) >= STEPS;
    connection.progress_handler(STRIDE, Some(too_long))?;
    Ok(connection)
}

fn allow(ours: bool, action: &AuthAction<'_>) -> Authorization {
    let allowed = match action {
        AuthAction::Select => true,
        AuthAction::Read { table_name, .. } => *table_name == "facts",
        AuthAction::Function { function_name } => FUNCTIONS.contains(&function_name.to_lowercase().as_str()),
        _ => false,
    };
    if ours || allowed { Authorization::Allow } else { Authorization::Deny }
}

fn bound(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(truth) => Cell::Integer(i64::from(*truth)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Cell::Integer(whole),
            (None, Some(real)) => Cell::Real(real),
            (None, None) => Cell::Null,
        },
        Value::String(text) => Cell::Text(text.clone()),
        other => Cell::Text(other.to_string()),
    }
}

fn found(value: ValueRef<'_>) -> Result<Value, SqlError> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(whole) => Ok(Value::from(whole)),
        ValueRef::Real(real) => Ok(Value::from(real)),
        ValueRef::Text(text) => Ok(Value::from(String::from_utf8_lossy(text))),
        ValueRef::Blob(_) => Err(SqlError::Failed("a result of bytes".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longlab_documents::Span;

    fn facts() -> Facts {
        let column = |name: &str, kind| Column { name: name.into(), label: name.into(), kind, unit: None };
        let columns = [column("name", ColumnKind::Text), column("mass", ColumnKind::Number)];
        let spans = vec![Span { start: 0, end: 0 }; 2];
        let row = |name: &str, mass: f64| Row {
            source: 0,
            values: vec![Value::from(name), Value::from(mass)],
            spans: spans.clone(),
        };
        Facts::new(&columns, &[row("a", 1.0), row("'); DROP TABLE facts; --", 2.0), row("c", 4.0)]).unwrap()
    }

    #[test]
    fn texts_of_cells_are_values() {
        let facts = facts();
        let name = Value::from("'); DROP TABLE facts; --");
        let found = facts.ask("SELECT \"mass\" FROM facts WHERE \"name\" = ?1", &[name]).unwrap();
        assert_eq!(found, [[Value::from(2.0)]]);
        assert_eq!(facts.ask("SELECT COUNT(*) FROM facts", &[]).unwrap(), [[Value::from(3)]]);
    }

    #[test]
    fn a_cell_can_be_left_out_and_comes_back() {
        let facts = facts();
        let mean = "SELECT AVG(\"mass\") FROM facts";
        let without = facts.ask_without((2, 1), &Value::from(4.0), mean, &[]).unwrap();
        assert_eq!(without, [[Value::from(1.5)]]);
        assert_eq!(facts.ask(mean, &[]).unwrap(), [[Value::from(7.0 / 3.0)]]);
    }

    #[test]
    fn everything_but_reading_is_refused() {
        let facts = facts();
        let refused = [
            "DELETE FROM facts",
            "UPDATE facts SET mass = 0",
            "DROP TABLE facts",
            "ATTACH DATABASE 'x' AS y",
            "PRAGMA table_info(facts)",
            "CREATE TABLE other (a)",
            "SELECT * FROM sqlite_master",
            "SELECT load_extension('x')",
            "SELECT randomblob(9)",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
            "BEGIN",
            "VACUUM INTO 'x'",
        ];
        for query in refused {
            let error = facts.ask(query, &[]).unwrap_err();
            assert!(matches!(error, SqlError::Refused(_) | SqlError::Failed(_)), "{query}: {error}");
        }
        assert_eq!(facts.ask("SELECT COUNT(*) FROM facts", &[]).unwrap(), [[Value::from(3)]]);
    }

    #[test]
    fn two_statements_and_unknown_columns_are_errors() {
        let facts = facts();
        assert!(facts.ask("SELECT 1; DELETE FROM facts", &[]).is_err());
        assert!(facts.ask("SELECT \"weight\" FROM facts", &[]).is_err());
        assert!(facts.ask("", &[]).is_err());
    }

    #[test]
    fn long_work_and_many_rows_are_ended() {
        let facts = facts();
        let many = ["facts"; 16].join(", ");
        assert_eq!(facts.ask(&format!("SELECT COUNT(*) FROM {many}"), &[]), Err(SqlError::Endless));
        let many = ["facts"; 7].join(", ");
        assert_eq!(facts.ask(&format!("SELECT 1 FROM {many}"), &[]), Err(SqlError::Rows(ROWS)));
    }
}
