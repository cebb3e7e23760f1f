//! A summary without quantiles: count and sum per handler. The client library has none.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Metric, MetricFamily, MetricType, Summary};

use crate::family::{family, label};

/// Count and sum of one handler's sizes.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    n_observed: AtomicU64,
    sum_bytes: AtomicU64,
}

impl Sizes {
    pub(crate) fn observe(&self, bytes: u64) {
        self.n_observed.fetch_add(1, Ordering::Relaxed);
        self.sum_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The family: its handlers are added once each, and then observed without a look-up.
#[derive(Clone, Debug)]
pub(crate) struct SizeSummary {
    name: &'static str,
    help: &'static str,
    desc: Desc,
    handlers: Arc<Mutex<Vec<HandlerSizes>>>,
}

impl SizeSummary {
    pub(crate) fn new(name: &'static str, help: &'static str) -> prometheus::Result<Self> {
        let labels = vec!["handler".to_owned()];
        let desc = Desc::new(name.to_owned(), help.to_owned(), labels, HashMap::new())?;
        Ok(Self {
            name,
            help,
            desc,
            handlers: Arc::default(),
        })
    }

    pub(crate) fn handler(&self, handler: &'static str) -> Arc<Sizes> {
        let sizes = Arc::<Sizes>::default();
        let mut handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        handlers.push((handler, Arc::clone(&sizes)));
        sizes
    }
}

type HandlerSizes = (&'static str, Arc<Sizes>);

impl Collector for SizeSummary {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        let metrics = handlers
            .iter()
            .map(|(handler, sizes)| metric(handler, sizes))
            .collect();
        vec![family(self.name, self.help, MetricType::SUMMARY, metrics)]
    }
}

fn metric(handler: &str, sizes: &Sizes) -> Metric {
    let mut summary = Summary::default();
    summary.set_sample_count(sizes.n_observed.load(Ordering::Relaxed));
    summary.set_sample_sum(sizes.sum_bytes.load(Ordering::Relaxed) as f64);
    let mut metric = Metric::from_label(vec![label("handler", handler)]);
    metric.set_summary(summary);
    metric
}
