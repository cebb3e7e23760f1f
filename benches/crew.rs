//! Writes what the workers of a load would say that never was: a file for each, and their job.
//!
//! usage: crew FOLDER WORKERS RATE SECONDS      RATE: requests a second of each worker

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use loadgen::synthetic::Crew;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, workers, rate, seconds] = &words[..] else {
        return Err("usage: crew FOLDER WORKERS RATE SECONDS".into());
    };
    let folder = PathBuf::from(folder);
    let crew = Crew::new(workers.parse()?, rate.parse()?, seconds.parse()?);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("job.json"), crew.job().line())?;
    for n in 0..crew.workers {
        let file = File::create(folder.join(format!("worker-{n:04}.lg")))?;
        let mut to = BufWriter::new(file);
        crew.write(n, &mut to)?;
        to.flush()?;
    }
    Ok(())
}
