//! All pages of a topology at one moment, taken concurrently, and settled where counters lag.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::{join, join_all};
use serde::{Deserialize, Serialize};

use super::{ProxyReading, Reading, ScrapeError, Scraper, parse, stub_status};
use crate::model::{ProxyCounter, Replica, Selector, Topology};

/// What every page said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When it was begun, seconds since 1970.
    pub taken_at: f64,
    /// One per replica, in the topology's order.
    pub replicas: Vec<ReplicaSnapshot>,
    /// The proxy's count, if it keeps one.
    pub proxy: Option<ProxySnapshot>,
    /// How often each page was read for it.
    pub reads: u64,
    /// Whether two reads in a row were equal (not known after a single one).
    pub settled: bool,
}

/// One replica's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicaSnapshot {
    pub replica: Replica,
    /// What the page said, or why it said nothing.
    pub page: Result<Reading, ScrapeError>,
    /// Counts of two reads in a row, where the second was lower: several processes behind one
    /// port, or a restart.
    pub fell: Option<(u64, u64)>,
    /// Processes that answered behind the page, each with counters of its own; `None` where that was
    /// not looked for, or does not show.
    #[serde(default)]
    pub processes: Option<u64>,
}

/// The proxy's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProxySnapshot {
    pub url: String,
    /// Whether it is NGINX's status page, which counts its own reads.
    pub is_stub_status: bool,
    /// What it said, or why it said nothing.
    pub page: Result<ProxyReading, ScrapeError>,
}

impl Scraper {
    /// Reads every page once, all at the same time.
    pub async fn snapshot(&self, topology: &Topology) -> Snapshot {
        let taken_at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64());
        let replicas = topology.replicas.iter().map(|replica| async {
            ReplicaSnapshot {
                replica: replica.clone(),
                page: self.replica_page(&replica.metrics_url).await,
                fell: None,
                processes: None,
            }
        });
        let proxy = async {
            match &topology.proxy.counter {
                Some(side) => Some(self.proxy_page(side).await),
                None => None,
            }
        };
        let (replicas, proxy) = join(join_all(replicas), proxy).await;
        Snapshot {
            taken_at,
            replicas,
            proxy,
            reads: 1,
            settled: false,
        }
    }

    /// Reads every page until two reads in a row are equal, or [`super::Limits::settle`] is over.
    ///
    /// A `FastAPI` service counts after its answer has left, so the last requests may still be
    /// missing when their answers are here.
    pub async fn settled(&self, topology: &Topology) -> Snapshot {
        let begun = Instant::now();
        let mut last = self.snapshot(topology).await;
        while !last.settled && begun.elapsed() < self.limits.settle {
            tokio::time::sleep(self.limits.poll).await;
            let next = self.snapshot(topology).await;
            last = next.after(last);
        }
        last
    }

    /// A page over a connection of its own.
    pub(super) async fn fresh_page(&self, url: &str) -> Result<Reading, ScrapeError> {
        let text = self.text_by(&self.fresh, url).await?;
        self.reading(url, &text)
    }

    async fn replica_page(&self, url: &str) -> Result<Reading, ScrapeError> {
        let text = self.text(url).await?;
        self.reading(url, &text)
    }

    fn reading(&self, url: &str, text: &str) -> Result<Reading, ScrapeError> {
        let page = parse(text).map_err(|error| ScrapeError::Parse {
            url: url.to_owned(),
            error,
        })?;
        Reading::of(url, &page, &self.selector)
    }

    async fn proxy_page(&self, side: &ProxyCounter) -> ProxySnapshot {
        match side {
            ProxyCounter::StubStatus { url } => ProxySnapshot {
                url: url.clone(),
                is_stub_status: true,
                page: self.stub_status_page(url).await,
            },
            ProxyCounter::Prometheus { url, counter } => ProxySnapshot {
                url: url.clone(),
                is_stub_status: false,
                page: self.prometheus_page(url, counter).await,
            },
        }
    }

    async fn stub_status_page(&self, url: &str) -> Result<ProxyReading, ScrapeError> {
        let text = self.text(url).await?;
        let total = stub_status(&text).map_err(|reason| ScrapeError::StubStatus {
            url: url.to_owned(),
            reason: reason.into(),
        })?;
        Ok(ProxyReading {
            total,
            ..ProxyReading::default()
        })
    }

    async fn prometheus_page(
        &self,
        url: &str,
        selector: &Selector,
    ) -> Result<ProxyReading, ScrapeError> {
        let text = self.text(url).await?;
        let page = parse(&text).map_err(|error| ScrapeError::Parse {
            url: url.to_owned(),
            error,
        })?;
        ProxyReading::of(url, &page, selector)
    }
}

/// What a page may have risen by because it was read: by one where it counts itself under its own
/// path, or where it does not tell by what path.
fn self_counted(replica: &Replica, now: &Reading, then: &Reading) -> u64 {
    let rise = |handler: &str| {
        let of = |reading: &Reading| reading.by_handler.get(handler).copied().unwrap_or(0);
        of(now).saturating_sub(of(then))
    };
    let takes_all = now.by_handler.values().sum::<u64>() == now.total;
    match now.by_handler.is_empty() {
        true => 1,
        false if takes_all => rise(path_of(&replica.metrics_url)).min(1),
        false => 0,
    }
}

/// The path of a page's address, without its query.
#[must_use]
pub fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

impl Snapshot {
    /// This reading as the successor of `before` within one settling.
    fn after(mut self, before: Self) -> Self {
        let mut settled = true;
        for (now, then) in self.replicas.iter_mut().zip(before.replicas) {
            now.fell = then.fell;
            match (&now.page, &then.page) {
                (Ok(now_page), Ok(then_page)) => {
                    let rise = now_page.total.saturating_sub(then_page.total);
                    settled &= rise <= self_counted(&now.replica, now_page, then_page);
                    if now_page.total < then_page.total {
                        now.fell = Some((then_page.total, now_page.total));
                    }
                }
                // A page that came back is not settled yet; one that stays away will not be.
                (now_page, then_page) => settled &= now_page.is_ok() == then_page.is_ok(),
            }
        }
        if let (Some(now), Some(then)) = (&self.proxy, &before.proxy) {
            settled &= match (&now.page, &then.page) {
                // A status page counts its own reads, and so does what reads it for an exporter.
                (Ok(now), Ok(then)) => now.total >= then.total && now.total <= then.total + 1,
                (now, then) => now.is_ok() == then.is_ok(),
            };
        }
        self.reads += before.reads;
        self.settled = settled;
        self
    }
}
