//! What the queries call: the engine's rules as functions of columns.

use std::{
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, Decimal256Array, Int64Array, StringArray, cast::AsArray},
        compute::cast,
        datatypes::{DataType, i256},
    },
    common::{Result, exec_err},
    error::DataFusionError,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};
use rewards::{
    book::{Book, Flaw, Limits, OrderRecord, Record, Side, Status, Verdict, parse_address},
    parameters::EpochParameters,
    sampling::{Punctuality, Sampling},
    tally::{self, Rules, RulesError},
};

/// Decimal digits of 128 bits.
const TERM_DIGITS: u8 = 39;

/// What an epoch is computed with.
#[derive(Debug)]
pub struct Epoch {
    parameters: EpochParameters,
    sampling: Sampling,
    limits: HashMap<String, Limits>,
}

impl Epoch {
    /// Checks the parameters and the secret.
    pub fn new(parameters: EpochParameters, sampling: Sampling) -> Result<Self, RulesError> {
        Rules::new(&parameters, &sampling)?;
        let limits = parameters.markets.iter().map(|market| (market.market.clone(), Limits::of(market))).collect();
        Ok(Self { parameters, sampling, limits })
    }

    /// The parameter record.
    #[must_use]
    pub const fn parameters(&self) -> &EpochParameters {
        &self.parameters
    }
}

/// The functions of an epoch, to be registered before its queries.
#[must_use]
pub fn all(epoch: &Arc<Epoch>) -> [ScalarUDF; 4] {
    [Call::Sample, Call::Identified, Call::Address, Call::Term]
        .map(|call| ScalarUDF::from(Function { call, signature: call.signature(), epoch: Arc::clone(epoch) }))
}

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Call {
    /// What a sample is.
    Sample,
    /// The orders of a sample, if no two have the same id.
    Identified,
    /// An address in its usual spelling.
    Address,
    /// What an order adds, micro-USD per unit of spread, rounded down; 0 if it does not count.
    Term,
}

impl Call {
    fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Identified => "identified",
            Self::Address => "address",
            Self::Term => "term",
        }
    }

    /// Columns are converted here, since files may have several types of text and integers.
    fn signature(self) -> Signature {
        let count = match self {
            Self::Sample => 7,
            Self::Identified | Self::Address => 1,
            Self::Term => 8,
        };
        Signature::any(count, Volatility::Immutable)
    }
}

struct Function {
    call: Call,
    signature: Signature,
    epoch: Arc<Epoch>,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("call", &self.call).finish_non_exhaustive()
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.call == other.call && Arc::ptr_eq(&self.epoch, &other.epoch)
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.call.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.call.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(match self.call {
            Call::Sample | Call::Address => DataType::Utf8,
            Call::Identified => arguments[0].clone(),
            Call::Term => DataType::Decimal256(TERM_DIGITS, 0),
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let column = match self.call {
            Call::Sample => sample(&self.epoch, &columns),
            Call::Identified => identified(&columns[0]),
            Call::Address => address(&columns[0]),
            Call::Term => term(&self.epoch, &columns),
        };
        column.map(ColumnarValue::Array)
    }
}

/// A column of text, whatever its encoding.
struct Text(StringArray);

impl Text {
    fn of(column: &ArrayRef) -> Result<Self> {
        Ok(Self(cast(column, &DataType::Utf8)?.as_string::<i32>().clone()))
    }

    fn optional(&self, row: usize) -> Option<&str> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }

    fn required(&self, name: &str, row: usize) -> Result<&str> {
        self.optional(row).ok_or_else(|| DataFusionError::Execution(format!("{name} is missing")))
    }
}

/// A column of integers that are not negative, whatever their width.
struct Numbers(Int64Array);

impl Numbers {
    fn of(column: &ArrayRef) -> Result<Self> {
        let column = cast(column, &DataType::Int64)?;
        Ok(Self(column.as_primitive().clone()))
    }

    fn required<T: TryFrom<i64>>(&self, name: &str, row: usize) -> Result<T> {
        let value = self.0.is_valid(row).then(|| self.0.value(row));
        let value = value.and_then(|value| T::try_from(value).ok());
        value.ok_or_else(|| DataFusionError::Execution(format!("{name} is missing or out of range")))
    }
}

/// A flaw with the sample that has it.
fn flawed(market: &str, minute: Option<u32>) -> impl Fn(Flaw) -> DataFusionError + '_ {
    move |flaw| match minute {
        Some(minute) => DataFusionError::Execution(format!("{market}, minute {minute}: {flaw}")),
        None => DataFusionError::Execution(format!("{market}: {flaw}")),
    }
}

/// `epoch, minute, market, time_ms, status, best_bid, best_ask`: what it is.
fn sample(epoch: &Epoch, columns: &[ArrayRef]) -> Result<ArrayRef> {
    let rules =
        Rules::new(&epoch.parameters, &epoch.sampling).map_err(|error| DataFusionError::External(error.into()))?;
    let [epochs, minutes, times] = [0, 1, 3].map(|place| Numbers::of(&columns[place]));
    let (epochs, minutes, times) = (epochs?, minutes?, times?);
    let [markets, statuses, bids, asks] = [2, 4, 5, 6].map(|place| Text::of(&columns[place]));
    let (markets, statuses, bids, asks) = (markets?, statuses?, bids?, asks?);
    let kinds = (0..columns[0].len()).map(|row| {
        let (market, minute) = (markets.required("market", row)?, minutes.required("minute", row)?);
        let flawed = flawed(market, Some(minute));
        let record = Record {
            epoch: epochs.required("epoch", row)?,
            minute,
            market,
            time_ms: times.required("time_ms", row)?,
            seq: 0,
            status: Status::parse(statuses.required("status", row)?).map_err(&flawed)?,
            best_bid: bids.optional(row),
            best_ask: asks.optional(row),
            orders: &[],
        };
        let (_, book, punctuality) = rules.read(&record).map_err(&flawed)?;
        Ok(Some(kind(book, punctuality)))
    });
    Ok(Arc::new(kinds.collect::<Result<StringArray>>()?))
}

const fn kind(book: Book, punctuality: Punctuality) -> &'static str {
    match (book, punctuality) {
        (Book::Outage, _) => "outage",
        (Book::Crossed, _) => "crossed",
        (_, Punctuality::Off) => "off_instant",
        (Book::OneSided { .. }, _) => "one_sided",
        (Book::Valid(_), _) => "valid",
    }
}

/// Lists of orders as they are, unless an id occurs twice in one of them.
fn identified(column: &ArrayRef) -> Result<ArrayRef> {
    let lists =
        column.as_list_opt::<i32>().ok_or_else(|| DataFusionError::Execution("orders are no list".to_owned()))?;
    let orders = lists.values().as_struct_opt().and_then(|orders| orders.column_by_name("id"));
    let ids = Text::of(orders.ok_or_else(|| DataFusionError::Execution("orders have no id".to_owned()))?)?;
    let mut seen = std::collections::HashSet::new();
    for ends in lists.offsets().windows(2) {
        seen.clear();
        for row in ends[0] as usize..ends[1] as usize {
            let id = ids.required("id", row)?;
            if id.is_empty() {
                return exec_err!("{}", Flaw::NoOrderId);
            }
            if !seen.insert(id) {
                return exec_err!("{}", Flaw::RepeatedOrder(id.to_owned()));
            }
        }
    }
    Ok(Arc::clone(column))
}

/// Addresses in lower case, so that all spellings of one are the same.
fn address(column: &ArrayRef) -> Result<ArrayRef> {
    let texts = Text::of(column)?;
    let addresses = (0..column.len()).map(|row| {
        let account = parse_address(texts.required("account", row)?);
        account
            .map(|account| Some(format!("{account:#x}")))
            .map_err(|flaw| DataFusionError::Execution(flaw.to_string()))
    });
    Ok(Arc::new(addresses.collect::<Result<StringArray>>()?))
}

/// `market, kind, status, best_bid, best_ask, side, price, size`: what the order adds.
fn term(epoch: &Epoch, columns: &[ArrayRef]) -> Result<ArrayRef> {
    let texts = columns.iter().map(Text::of).collect::<Result<Vec<_>>>()?;
    let terms =
        (0..columns[0].len()).map(|row| term_of(epoch, &texts, row).map(|term| Some(i256::from_parts(term, 0))));
    let terms = terms.collect::<Result<Decimal256Array>>()?.with_precision_and_scale(TERM_DIGITS, 0)?;
    Ok(Arc::new(terms))
}

fn term_of(epoch: &Epoch, texts: &[Text], row: usize) -> Result<u128> {
    let market = texts[0].required("market", row)?;
    let flawed = flawed(market, None);
    let limits = epoch.limits.get(market).ok_or_else(|| flawed(Flaw::UnknownMarket(market.to_owned())))?;
    let head = Record {
        epoch: epoch.parameters.epoch,
        minute: 0,
        market,
        time_ms: 0,
        seq: 0,
        status: Status::parse(texts[2].required("status", row)?).map_err(&flawed)?,
        best_bid: texts[3].optional(row),
        best_ask: texts[4].optional(row),
        orders: &[],
    };
    let order = OrderRecord {
        account: Default::default(),
        id: "",
        side: Side::parse(texts[5].required("side", row)?).map_err(&flawed)?,
        price: texts[6].required("price", row)?,
        size: texts[7].required("size", row)?,
    };
    let book = Book::read(limits, &head).map_err(&flawed)?;
    let mut term = 0;
    tally::judge(limits, book, &[order], |judged| {
        if let Some(Verdict::Counts(counted)) = judged.verdict {
            term = counted;
        }
        Ok(())
    })
    .map_err(&flawed)?;
    Ok(if texts[1].required("kind", row)? == "valid" { term } else { 0 })
}
