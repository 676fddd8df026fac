//! Parquet in the schema that verl's RL datasets read: prompt, data_source, ability, reward_model, extra_info.

use super::row::{ExtraInfo, RewardModel, TrainingRow};
use crate::error::{Result, SynthesisError};
use ::parquet::basic::{Compression, GzipLevel};
use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::record::{Field, Row};
use ::parquet::schema::parser::parse_message_type;
use longlab_client::Message;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The schema. `prompt` is a list of chat messages; `ground_truth` is the answer as it should be written.
pub const SCHEMA: &str = "
message dataset {
  required binary data_source (utf8);
  required group prompt (list) {
    repeated group list {
      required group element {
        required binary role (utf8);
        required binary content (utf8);
      }
    }
  }
  required binary ability (utf8);
  required group reward_model {
    required binary ground_truth (utf8);
    required binary style (utf8);
  }
  required group extra_info {
    required binary split (utf8);
    required int64 index;
    required binary id (utf8);
    required binary engine (utf8);
    required binary form (utf8);
    required binary question (utf8);
    required binary aliases (utf8);
    required binary prefix (utf8);
    required int64 tokens;
    required int64 difficulty;
    required int64 bin;
  }
}";

/// Bytes of rows that are gathered before they are written as a group.
const GROUP: usize = 32 << 20;

/// A Parquet file in the making; it gets its name when it is finished.
pub struct Table {
    path: PathBuf,
    temporary: PathBuf,
    /// None once it is finished.
    writer: Option<SerializedFileWriter<File>>,
    rows: Vec<TrainingRow>,
    bytes: usize,
}

impl Table {
    /// Opens a file in the making beside `path`.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn create(path: &Path) -> Result<Table> {
        let temporary = path.with_extension("parquet.tmp");
        let file = File::create(&temporary).map_err(SynthesisError::writing(path))?;
        let failed = |error: ParquetError| failure(path, error);
        let schema = Arc::new(parse_message_type(SCHEMA).map_err(failed)?);
        let level = GzipLevel::try_new(4).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::GZIP(level))
            .set_dictionary_enabled(false)
            .set_created_by("longlab".into())
            .build();
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(failed)?;
        Ok(Table { path: path.to_path_buf(), temporary, writer: Some(writer), rows: vec![], bytes: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn put(&mut self, row: TrainingRow) -> Result<()> {
        self.bytes += row.prompt.iter().map(|message| message.content.len()).sum::<usize>();
        self.rows.push(row);
        if self.bytes >= GROUP { self.write_group() } else { Ok(()) }
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.write_group()?;
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let file = writer.into_inner().map_err(|error| failure(&self.path, error))?;
        let named = file.sync_all().and_then(|()| fs::rename(&self.temporary, &self.path));
        named.map_err(SynthesisError::writing(&self.path))
    }

    fn write_group(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        match &mut self.writer {
            Some(writer) if !rows.is_empty() => {
                write_columns(writer, &rows).map_err(|error| failure(&self.path, error))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // Only a file that was not finished still has its temporary; one that cannot be removed is overwritten next time.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn failure(path: &Path, error: ParquetError) -> SynthesisError {
    SynthesisError::Parquet { path: path.to_path_buf(), reason: error.to_string() }
}

type Written = std::result::Result<(), ParquetError>;

type Group<'a> = SerializedRowGroupWriter<'a, File>;

/// Writes the columns of a group in the order of the schema.
fn write_columns(writer: &mut SerializedFileWriter<File>, rows: &[TrainingRow]) -> Written {
    let mut group = writer.next_row_group()?;
    let mut texts = |text: &dyn Fn(&TrainingRow) -> &str| -> Written {
        let values: Vec<ByteArray> = rows.iter().map(|row| ByteArray::from(text(row))).collect();
        column::<ByteArrayType>(&mut group, &values, None)
    };
    texts(&|row| &row.data_source)?;
    let (definitions, repetitions) = levels(rows);
    let mut messages = |text: &dyn Fn(&Message) -> &str| -> Written {
        let messages = rows.iter().flat_map(|row| &row.prompt);
        let values: Vec<ByteArray> = messages.map(|message| ByteArray::from(text(message))).collect();
        column::<ByteArrayType>(&mut group, &values, Some((&definitions, &repetitions)))
    };
    messages(&|message| &message.role)?;
    messages(&|message| &message.content)?;
    let mut texts = |text: &dyn Fn(&TrainingRow) -> &str| -> Written {
        let values: Vec<ByteArray> = rows.iter().map(|row| ByteArray::from(text(row))).collect();
        column::<ByteArrayType>(&mut group, &values, None)
    };
    texts(&|row| &row.ability)?;
    texts(&|row| &row.reward_model.ground_truth)?;
    texts(&|row| &row.reward_model.style)?;
    texts(&|row| &row.extra_info.split)?;
    let numbers = |group: &mut Group<'_>, number: &dyn Fn(&ExtraInfo) -> i64| -> Written {
        let values: Vec<i64> = rows.iter().map(|row| number(&row.extra_info)).collect();
        column::<Int64Type>(group, &values, None)
    };
    numbers(&mut group, &|extra| extra.index)?;
    let mut texts = |text: &dyn Fn(&ExtraInfo) -> &str| -> Written {
        let values: Vec<ByteArray> = rows.iter().map(|row| ByteArray::from(text(&row.extra_info))).collect();
        column::<ByteArrayType>(&mut group, &values, None)
    };
    texts(&|extra| &extra.id)?;
    texts(&|extra| &extra.engine)?;
    texts(&|extra| &extra.form)?;
    texts(&|extra| &extra.question)?;
    texts(&|extra| &extra.aliases)?;
    texts(&|extra| &extra.prefix)?;
    numbers(&mut group, &|extra| extra.tokens)?;
    numbers(&mut group, &|extra| extra.difficulty)?;
    numbers(&mut group, &|extra| extra.bin)?;
    group.close().map(|_| ())
}

/// Levels of the list of messages: each of a row's messages is there; the first begins a row. A row without messages has one empty place.
fn levels(rows: &[TrainingRow]) -> (Vec<i16>, Vec<i16>) {
    let of_row = |row: &TrainingRow| -> Vec<(i16, i16)> {
        match row.prompt.len() {
            0 => vec![(0, 0)],
            count => (0..count).map(|at| (1, i16::from(at > 0))).collect(),
        }
    };
    rows.iter().flat_map(of_row).unzip()
}

fn column<T: ::parquet::data_type::DataType>(
    group: &mut Group<'_>,
    values: &[T::T],
    levels: Option<(&[i16], &[i16])>,
) -> Written {
    let mut writer = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".into()))?;
    let (definitions, repetitions) = levels.unzip();
    writer.typed::<T>().write_batch(values, definitions, repetitions)?;
    writer.close()
}

/// Hands on the rows of a Parquet file, one after the other, until it is told to end. Columns of `extra_info` that are not there are empty.
///
/// # Errors
/// A file that cannot be read, one without verl's columns, and what `see` fails with.
pub fn read(path: &Path, see: &mut dyn FnMut(TrainingRow) -> Result<bool>) -> Result<()> {
    let file = File::open(path).map_err(SynthesisError::reading(path))?;
    let reader = SerializedFileReader::new(file).map_err(|error| failure(path, error))?;
    for row in reader.get_row_iter(None).map_err(|error| failure(path, error))? {
        let row = row.map_err(|error| failure(path, error))?;
        let read = training_row(&row).ok_or_else(|| SynthesisError::Parquet {
            path: path.to_path_buf(),
            reason: "no file of verl's RL datasets: it needs `prompt`, `ability` and `reward_model.ground_truth`"
                .into(),
        })?;
        if !see(read)? {
            break;
        }
    }
    Ok(())
}

fn field<'a>(row: &'a Row, name: &str) -> Option<&'a Field> {
    row.get_column_iter().find(|(own, _)| *own == name).map(|(_, field)| field)
}

fn text(row: &Row, name: &str) -> Option<String> {
    match field(row, name)? {
        Field::Str(text) => Some(text.clone()),
        _ => None,
    }
}

fn group<'a>(row: &'a Row, name: &str) -> Option<&'a Row> {
    match field(row, name)? {
        Field::Group(group) => Some(group),
        _ => None,
    }
}

fn training_row(row: &Row) -> Option<TrainingRow> {
    let Field::ListInternal(list) = field(row, "prompt")? else { return None };
    let message = |field: &Field| match field {
        Field::Group(own) => Some(Message { role: text(own, "role")?, content: text(own, "content")? }),
        _ => None,
    };
    let reward = group(row, "reward_model")?;
    Some(TrainingRow {
        data_source: text(row, "data_source").unwrap_or_default(),
        prompt: list.elements().iter().map(message).collect::<Option<_>>()?,
        ability: text(row, "ability")?,
        reward_model: RewardModel {
            ground_truth: text(reward, "ground_truth")?,
            style: text(reward, "style").unwrap_or_default(),
        },
        extra_info: group(row, "extra_info").map(extra).unwrap_or_default(),
    })
}

fn extra(row: &Row) -> ExtraInfo {
    let text = |name| text(row, name).unwrap_or_default();
    let number = |name| match field(row, name) {
        Some(Field::Long(number)) => *number,
        Some(Field::Int(number)) => i64::from(*number),
        _ => 0,
    };
    ExtraInfo {
        split: text("split"),
        index: number("index"),
        id: text("id"),
        engine: text("engine"),
        form: text("form"),
        question: text("question"),
        aliases: text("aliases"),
        prefix: text("prefix"),
        tokens: number("tokens"),
        difficulty: number("difficulty"),
        bin: number("bin"),
    }
}
