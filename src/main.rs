//! The command line.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use interlock::app::App;
use interlock::clock::Clock;
use interlock::config::{Config, LogFormat};
use interlock::domain::{housekeeping, invitations, sign_up};
use interlock::mail::{self, Transport};
use interlock::web;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// Interlock: who is in the organization, what may each of them open, and what happened.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the dashboard. This is what happens without a command.
    Serve,
    /// Print every setting that is in force and where it comes from. Secrets stay hidden.
    Config,
    /// Bring the database up to date and stop.
    Migrate,
}

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
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, config: Config) -> Result<(), Failure> {
    if let Command::Config = command {
        println!("{}", config.describe().trim_end());
        return Ok(());
    }
    start_log(&config)?;
    // Whoever asks rustls for TLS needs one provider for the process; ours is ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Serve => serve(config).await,
            Command::Migrate => {
                App::start(config, Clock::system()).await?.db.close().await;
                println!("The database is up to date.");
                Ok(())
            }
            Command::Config => Ok(()),
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
    let stop_asked = stop_asked()?;
    let transport = Transport::new(&config)?;
    let _alone = interlock::app::alone(&config)?;
    let app = Arc::new(App::start(config, Clock::system()).await?);
    let listener = TcpListener::bind(app.config.listen)
        .await
        .map_err(|error| format!("Interlock can't listen on {}: {error}.", app.config.listen))?;
    mail::release_leases(&app).await?;
    greet(&app).await?;

    let (stop, stopping) = watch::channel(false);
    let sender = tokio::spawn(mail::run(app.clone(), transport, stopping.clone()));
    let keeper = tokio::spawn(housekeeping::run(app.clone(), stopping.clone()));
    let inviter = tokio::spawn(invitations::run(app.clone(), stopping.clone()));
    let server = tokio::spawn(web::serve(app.clone(), listener, stopping));
    stop_asked.await;
    tracing::info!("stopping: requests in flight are finished first");
    stop.send_replace(true);
    server.await?;
    let patience = Duration::from_secs(app.config.shutdown_seconds);
    if tokio::time::timeout(patience, async { tokio::join!(sender, keeper, inviter) }).await.is_err() {
        tracing::warn!("a mail was still being sent; it is sent again at the next start");
    }
    app.db.close().await;
    Ok(())
}

/// Says where everything is, for whoever started it.
async fn greet(app: &App) -> Result<(), Failure> {
    println!("Interlock serves {}", app.config.base_url.as_str());
    println!("  data    {} ({})", app.config.data_dir.display(), app.config.database_url);
    println!("  mail    goes to {}", mail::destination(&app.config));
    if app.config.smtp_url.is_none() && app.config.base_url.is_loopback() {
        println!("          and is shown at {}", app.url("/mailbox"));
    }
    if let Some(token) = sign_up::prepare_setup(app).await? {
        println!("  set up  the first organization at {}", app.url(&format!("/setup/{}", token.expose())));
    }
    Ok(())
}

/// Ctrl-C, or what a service manager sends. It listens from here on, whenever it is waited for.
fn stop_asked() -> Result<impl Future<Output = ()>, Failure> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "Ctrl-C can't be heard");
            std::future::pending().await
        }
    })
}
