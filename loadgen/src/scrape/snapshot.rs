//! All pages of a topology at one moment, taken concurrently, and settled where counters lag.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::{join, join_all};

use super::{ProxyReading, Reading, ScrapeError, Scraper, Selector, parse, stub_status};
use crate::model::{ProxyBook, Replica, Topology};

/// What every page said.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When it was begun, seconds since 1970.
    pub taken_at: f64,
    /// One per replica, in the topology's order.
    pub replicas: Vec<ReplicaSnapshot>,
    /// The proxy's book, if it keeps one.
    pub proxy: Option<ProxySnapshot>,
    /// How often each page was read for it.
    pub reads: u64,
    /// Whether two reads in a row were equal (not known after a single one).
    pub settled: bool,
}

/// One replica's page.
#[derive(Clone, Debug)]
pub struct ReplicaSnapshot {
    /// Which replica.
    pub replica: Replica,
    /// What the page said, or why it said nothing.
    pub page: Result<Reading, ScrapeError>,
    /// Counts of two reads in a row, where the second was lower: several processes behind one
    /// port, or a restart.
    pub fell: Option<(u64, u64)>,
}

/// The proxy's page.
#[derive(Clone, Debug)]
pub struct ProxySnapshot {
    /// Its address.
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
            }
        });
        let proxy = async {
            match &topology.proxy.book {
                Some(book) => Some(self.proxy_page(book).await),
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

    async fn replica_page(&self, url: &str) -> Result<Reading, ScrapeError> {
        let text = self.text(url).await?;
        let page = parse(&text).map_err(|error| ScrapeError::Parse {
            url: url.to_owned(),
            error,
        })?;
        Reading::of(url, &page, &self.selector)
    }

    async fn proxy_page(&self, book: &ProxyBook) -> ProxySnapshot {
        match book {
            ProxyBook::StubStatus { url } => ProxySnapshot {
                url: url.clone(),
                is_stub_status: true,
                page: self.stub_status_page(url).await,
            },
            ProxyBook::Prometheus { url, counter } => ProxySnapshot {
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
            reason,
        })?;
        Ok(ProxyReading {
            total,
            ..ProxyReading::default()
        })
    }

    async fn prometheus_page(&self, url: &str, counter: &str) -> Result<ProxyReading, ScrapeError> {
        let selector: Selector =
            counter
                .parse()
                .map_err(|error: super::SelectorError| ScrapeError::Selector {
                    counter: counter.to_owned(),
                    reason: error.reason.to_string(),
                })?;
        let text = self.text(url).await?;
        let page = parse(&text).map_err(|error| ScrapeError::Parse {
            url: url.to_owned(),
            error,
        })?;
        ProxyReading::of(url, &page, &selector)
    }
}

impl Snapshot {
    /// This reading as the successor of `before` within one settling.
    fn after(mut self, before: Self) -> Self {
        let mut settled = true;
        for (now, then) in self.replicas.iter_mut().zip(before.replicas) {
            now.fell = then.fell;
            match (&now.page, &then.page) {
                (Ok(now_page), Ok(then_page)) => {
                    settled &= now_page.total == then_page.total;
                    if now_page.total < then_page.total {
                        now.fell = Some((then_page.total, now_page.total));
                    }
                }
                // A page that came back is not settled yet; one that stays away will not be.
                (now_page, then_page) => settled &= now_page.is_ok() == then_page.is_ok(),
            }
        }
        if let (Some(now), Some(then)) = (&self.proxy, &before.proxy) {
            let own = u64::from(now.is_stub_status);
            settled &= match (&now.page, &then.page) {
                (Ok(now), Ok(then)) => now.total == then.total + own,
                (now, then) => now.is_ok() == then.is_ok(),
            };
        }
        self.reads += before.reads;
        self.settled = settled;
        self
    }
}
