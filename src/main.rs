//! The command line.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use interlock::app::{App, StartError};
use interlock::cli::{self, Arguments, Command};
use interlock::clock::Clock;
use interlock::config::{Config, LogFormat};
use interlock::domain::{api_keys, housekeeping, invitations, sign_up};
use interlock::mail::{self, Transport};
use interlock::web;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// Much is allocated on SQLite's threads and freed on ours, which it does cheaply. It serves SQLite too (`override`). It
/// gives memory back in its own time, so it takes no huge pages, which are resident whole (`no_thp`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = match Config::from_environment() {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("Interlock does not start, because of its settings:\n{errors}");
            return ExitCode::from(2);
        }
    };
    match run(arguments.command.unwrap_or(Command::Serve), config) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, sentence)) => {
            eprintln!("{sentence}");
            ExitCode::from(code)
        }
    }
}

/// An exit code and a sentence, if it went wrong.
fn run(command: Command, config: Config) -> Result<(), (u8, String)> {
    let failed = |error: Failure| (1, error.to_string());
    if let Command::Serve | Command::Migrate = command {
        start_log(&config).map_err(failed)?;
    }
    // Whoever asks rustls for TLS needs one provider for the process; ours is ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| failed(error.into()))?.block_on(async {
        match command {
            Command::Serve => serve(config).await.map_err(failed),
            command => cli::run(command, config).await.map_err(|failure| (failure.code, failure.sentence)),
        }
    })
}

fn start_log(config: &Config) -> Result<(), Failure> {
    // The session layer's own span would stand in for the request's.
    let filter =
        EnvFilter::try_new(format!("tower_sessions=warn,tower_sessions_core=error,{}", config.log_level))?;
    let json = match config.log {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        log.json().with_current_span(true).with_span_list(false).init()
    } else {
        log.with_target(false).init()
    }
    Ok(())
}

async fn serve(config: Config) -> Result<(), Failure> {
    let stop_asked = cli::stop_asked()?;
    let transport = Transport::new(&config)?;
    let _alone = interlock::app::alone(&config)?;
    let app = Arc::new(App::start(config, Clock::system()).await?);
    let _present = app.db.attend(false).await?.ok_or(StartError::Rotating)?;
    let listener = TcpListener::bind(app.config.listen)
        .await
        .map_err(|error| format!("Interlock can't listen on {}: {error}.", app.config.listen))?;
    let metrics = match app.config.metrics_listen {
        Some(address) => Some(
            TcpListener::bind(address)
                .await
                .map_err(|error| format!("Interlock can't listen on {address} for the metrics: {error}."))?,
        ),
        None => None,
    };
    mail::release_leases(&app).await?;
    greet(&app).await?;

    let (stop, stopping) = watch::channel(false);
    let sender = tokio::spawn(mail::run(app.clone(), transport, stopping.clone()));
    let keeper = tokio::spawn(housekeeping::run(app.clone(), stopping.clone()));
    if let Some(metrics) = metrics {
        tokio::spawn(web::serve_metrics(app.clone(), metrics, stopping.clone()));
    }
    let inviter = tokio::spawn(invitations::run(app.clone(), stopping.clone()));
    // Told to stop once the last request is answered, so that all of them are counted.
    let (no_more, none_left) = watch::channel(false);
    let counter = tokio::spawn(api_keys::count_calls(app.clone(), none_left));
    let server = tokio::spawn(web::serve(app.clone(), listener, stopping));
    stop_asked.await;
    tracing::info!("stopping: requests in flight are finished first");
    stop.send_replace(true);
    server.await?;
    no_more.send_replace(true);
    let patience = Duration::from_secs(app.config.shutdown_seconds);
    if tokio::time::timeout(patience, async { tokio::join!(sender, keeper, inviter, counter) }).await.is_err()
    {
        tracing::warn!("a mail was still being sent; it is sent again at the next start");
    }
    app.db.close().await;
    Ok(())
}

/// Says where everything is, for whoever started it.
async fn greet(app: &App) -> Result<(), Failure> {
    println!("Interlock serves {}", app.config.base_url.as_str());
    println!("  data    {} ({})", app.config.data_dir.display(), app.config.database_url);
    if let Some(address) = app.config.metrics_listen {
        println!("  metrics http://{address}/metrics");
    }
    println!("  mail    goes to {}", mail::destination(&app.config));
    if app.config.smtp_url.is_none() && app.config.base_url.is_loopback() {
        println!("          and is shown at {}", app.url("/mailbox"));
    }
    if let Some(token) = sign_up::prepare_setup(app).await? {
        println!("  set up  the first organization at {}", app.url(&format!("/setup/{}", token.expose())));
    }
    Ok(())
}
