//! Parquet: one record type in columns, row groups of 50,000, nothing compressed.

use std::sync::Arc;

use anyhow::Context;
use fdr_format::{RawRecord, RecordType};
use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::Format;
use super::clock::Clock;
use super::columns::{Cell, Column, Columns, Kind};
use crate::output::{CHECK_ROOM, NewFile, told};

/// Rows of a group: what is held in memory.
const GROUP: usize = 50_000;

/// A table being written.
pub struct Parquet {
    writer: SerializedFileWriter<NewFile>,
    columns: Columns,
    held: Vec<Held>,
    rows: usize,
}

/// The cells of a column that are not written yet.
struct Held {
    values: Values,
    /// 1 where there is a value, 0 where it is absent.
    present: Vec<i16>,
}

enum Values {
    Float(Vec<f64>),
    Whole(Vec<i64>),
    Bool(Vec<bool>),
    Text(Vec<ByteArray>),
}

impl Parquet {
    /// Begins the table.
    pub fn new(file: NewFile, record_type: RecordType) -> anyhow::Result<Self> {
        let columns = Columns::of(record_type).with_context(|| {
            format!("--type {record_type}: this version does not know its fields")
        })?;
        let writer = told(begin(file, record_type, &columns), "parquet", CHECK_ROOM)?;
        let held = columns.all.iter().map(Held::new).collect();
        Ok(Self {
            writer,
            columns,
            held,
            rows: 0,
        })
    }

    fn group(&mut self) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for held in &mut self.held {
            let Some(mut column) = group.next_column()? else {
                break;
            };
            let present = Some(held.present.as_slice());
            match &held.values {
                Values::Float(own) => column.typed::<DoubleType>().write_batch(own, present, None),
                Values::Whole(own) => column.typed::<Int64Type>().write_batch(own, present, None),
                Values::Bool(own) => column.typed::<BoolType>().write_batch(own, present, None),
                Values::Text(own) => column
                    .typed::<ByteArrayType>()
                    .write_batch(own, present, None),
            }?;
            column.close()?;
            held.clear();
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl Format for Parquet {
    fn take(&mut self, record: &RawRecord<'_>, clock: Clock) -> anyhow::Result<bool> {
        let Some(cells) = self.columns.cells(record, clock) else {
            return Ok(false);
        };
        for (held, cell) in self.held.iter_mut().zip(cells) {
            held.push(cell);
        }
        self.rows += 1;
        if self.rows == GROUP {
            told(self.group(), "parquet", CHECK_ROOM)?;
        }
        Ok(true)
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<NewFile> {
        told(self.group(), "parquet", CHECK_ROOM)?;
        told(self.writer.into_inner(), "parquet", CHECK_ROOM)
    }
}

impl Held {
    fn new(column: &Column) -> Self {
        let values = match column.kind {
            Kind::Float => Values::Float(Vec::new()),
            Kind::Integer | Kind::Unsigned => Values::Whole(Vec::new()),
            Kind::Bool => Values::Bool(Vec::new()),
            Kind::Text => Values::Text(Vec::new()),
        };
        Self {
            values,
            present: Vec::new(),
        }
    }

    fn push(&mut self, cell: Option<Cell>) {
        let taken = match (&mut self.values, cell) {
            (Values::Float(all), Some(Cell::Float(own))) => push(all, own),
            (Values::Whole(all), Some(Cell::Integer(own))) => push(all, own),
            // The column says that its numbers are unsigned.
            (Values::Whole(all), Some(Cell::Unsigned(own))) => push(all, own as i64),
            (Values::Bool(all), Some(Cell::Bool(own))) => push(all, own),
            (Values::Text(all), Some(Cell::Text(own))) => {
                push(all, ByteArray::from(own.into_bytes()))
            }
            _ => 0,
        };
        self.present.push(taken);
    }

    fn clear(&mut self) {
        self.present.clear();
        match &mut self.values {
            Values::Float(own) => own.clear(),
            Values::Whole(own) => own.clear(),
            Values::Bool(own) => own.clear(),
            Values::Text(own) => own.clear(),
        }
    }
}

fn push<T>(all: &mut Vec<T>, own: T) -> i16 {
    all.push(own);
    1
}

fn begin(
    file: NewFile,
    record_type: RecordType,
    columns: &Columns,
) -> Result<SerializedFileWriter<NewFile>, ParquetError> {
    let fields = columns.all.iter().map(|column| field(column).map(Arc::new));
    let schema = Type::group_type_builder(&record_type.to_string())
        .with_fields(fields.collect::<Result<_, _>>()?)
        .build()?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("fdr-replay ", env!("CARGO_PKG_VERSION")).to_owned())
        .build();
    SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))
}

fn field(column: &Column) -> Result<Type, ParquetError> {
    let (physical, converted) = match column.kind {
        Kind::Float => (Physical::DOUBLE, ConvertedType::NONE),
        Kind::Integer => (Physical::INT64, ConvertedType::INT_64),
        Kind::Unsigned => (Physical::INT64, ConvertedType::UINT_64),
        Kind::Bool => (Physical::BOOLEAN, ConvertedType::NONE),
        Kind::Text => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
    };
    Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_converted_type(converted)
        .build()
}
