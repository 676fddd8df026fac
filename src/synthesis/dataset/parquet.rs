//! Parquet in the schema that verl's RL datasets read: prompt, data_source, ability, reward_model, extra_info.

use super::record::Record;
use crate::error::{Result, SynthesisError};
use crate::item::Proof;
use crate::prompt;
use ::parquet::basic::{Compression, GzipLevel};
use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
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
    writer: SerializedFileWriter<File>,
    rows: Vec<Cells>,
    bytes: usize,
}

/// A row: its messages, and its other columns in the order of the schema.
struct Cells {
    data_source: String,
    prompt: Vec<Message>,
    ability: String,
    ground_truth: String,
    style: String,
    split: String,
    index: i64,
    texts: [String; 6],
    numbers: [i64; 3],
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
        Ok(Table { path: path.to_path_buf(), temporary, writer, rows: vec![], bytes: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn put(&mut self, record: &Record, name: &str) -> Result<()> {
        let cells = Cells::of(record, name)?;
        self.bytes += cells.prompt.iter().map(|message| message.content.len()).sum::<usize>();
        self.rows.push(cells);
        if self.bytes >= GROUP { self.write_group() } else { Ok(()) }
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.write_group()?;
        let file = self.writer.into_inner().map_err(|error| failure(&self.path, error))?;
        let named = file.sync_all().and_then(|()| fs::rename(&self.temporary, &self.path));
        named.map_err(SynthesisError::writing(&self.path))
    }

    fn write_group(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        write_columns(&mut self.writer, &rows).map_err(|error| failure(&self.path, error))
    }
}

fn failure(path: &Path, error: ParquetError) -> SynthesisError {
    SynthesisError::Parquet { path: path.to_path_buf(), reason: error.to_string() }
}

impl Cells {
    fn of(record: &Record, name: &str) -> Result<Cells> {
        let Record { item, placed } = record;
        let form = item.form.name().to_string();
        let prefix = match &item.certificate.proof {
            Proof::Turn { prefix, .. } => prefix.clone(),
            _ => String::new(),
        };
        let aliases = serde_json::to_string(&item.answer.aliases).unwrap_or_default();
        Ok(Cells {
            data_source: format!("{name}/{form}"),
            prompt: prompt::messages(item)?,
            ability: form.clone(),
            ground_truth: item.answer.text.clone(),
            style: "rule".into(),
            split: placed.split.name().into(),
            index: placed.index as i64,
            texts: [item.id.0.clone(), item.engine.name().into(), form, item.question.clone(), aliases, prefix],
            numbers: [item.certificate.tokens as i64, item.difficulty as i64, placed.bin as i64],
        })
    }
}

type Written = std::result::Result<(), ParquetError>;

/// Writes the columns of a group in the order of the schema.
fn write_columns(writer: &mut SerializedFileWriter<File>, rows: &[Cells]) -> Written {
    let mut group = writer.next_row_group()?;
    let mut texts = |text: &dyn Fn(&Cells) -> &str| -> Written {
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
    let mut texts = |text: &dyn Fn(&Cells) -> &str| -> Written {
        let values: Vec<ByteArray> = rows.iter().map(|row| ByteArray::from(text(row))).collect();
        column::<ByteArrayType>(&mut group, &values, None)
    };
    texts(&|row| &row.ability)?;
    texts(&|row| &row.ground_truth)?;
    texts(&|row| &row.style)?;
    texts(&|row| &row.split)?;
    let indices: Vec<i64> = rows.iter().map(|row| row.index).collect();
    column::<Int64Type>(&mut group, &indices, None)?;
    for at in 0..6 {
        let values: Vec<ByteArray> = rows.iter().map(|row| ByteArray::from(row.texts[at].as_str())).collect();
        column::<ByteArrayType>(&mut group, &values, None)?;
    }
    for at in 0..3 {
        let values: Vec<i64> = rows.iter().map(|row| row.numbers[at]).collect();
        column::<Int64Type>(&mut group, &values, None)?;
    }
    group.close().map(|_| ())
}

/// Levels of the list of messages: each of a row's messages is there; the first begins a row. A row without messages has one empty place.
fn levels(rows: &[Cells]) -> (Vec<i16>, Vec<i16>) {
    let of_row = |row: &Cells| -> Vec<(i16, i16)> {
        match row.prompt.len() {
            0 => vec![(0, 0)],
            count => (0..count).map(|at| (1, i16::from(at > 0))).collect(),
        }
    };
    rows.iter().flat_map(of_row).unzip()
}

fn column<T: ::parquet::data_type::DataType>(
    group: &mut ::parquet::file::writer::SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    levels: Option<(&[i16], &[i16])>,
) -> Written {
    let mut writer = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".into()))?;
    let (definitions, repetitions) = levels.unzip();
    writer.typed::<T>().write_batch(values, definitions, repetitions)?;
    writer.close()
}
