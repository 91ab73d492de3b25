//! Downloads from a small server on this machine, in fair and in foul weather.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use tempfile::TempDir;

use super::*;
use crate::{
    error::ErrorKind,
    progress::{Stop, Update},
};

/// What a server does with one request.
enum Answer {
    /// Sends what is asked for.
    Fair,
    /// Sends this many bytes of it and hangs up.
    Cut(usize),
    /// Sends all, whatever is asked for.
    All,
    /// Sends all without saying how much that is.
    Unmeasured,
    /// Sends from the start and says that it is what was asked for.
    WrongPart,
    /// Only a status.
    Status(&'static str),
    /// Announces this many bytes.
    Huge(u64),
    /// Sends all and hangs up without having said how much that is, in a way that shows that it broke off.
    UnmeasuredCut,
    /// Sends without end and without having said how much.
    Endless,
    /// Sends more than was asked for and announced.
    TooMuch,
    /// Sends a byte now and then.
    Dripping,
}

/// A server that answers one request after another, and then is gone.
struct Server {
    url: Url,
    /// From which byte on each request asked.
    asked: Arc<Mutex<Vec<Option<usize>>>>,
}

fn serve(content: &[u8], answers: Vec<Answer>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/model.pt", listener.local_addr().unwrap())).unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (log, content) = (asked.clone(), content.to_owned());
    thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let from = asked_from(&stream);
            log.lock().unwrap().push(from);
            reply(stream, &content, from, &answer);
        }
    });
    Server { url, asked }
}

fn asked_from(stream: &TcpStream) -> Option<usize> {
    let lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let range = lines.filter_map(|line| {
        let line = line.to_lowercase();
        Some(line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().unwrap())
    });
    range.last()
}

/// Who is served may hang up first.
fn reply(mut stream: TcpStream, content: &[u8], from: Option<usize>, answer: &Answer) {
    let start = from.unwrap_or(0).min(content.len());
    let (head, body) = match answer {
        Answer::Status(status) => ((*status).to_owned(), &[][..]),
        Answer::Endless => return drip(stream, "", &vec![0; 1 << 16], Duration::ZERO),
        Answer::Dripping => {
            let length = format!("Content-Length: {}\r\n", content.len());
            return drip(stream, &length, b"x", Duration::from_millis(1));
        }
        Answer::UnmeasuredCut => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
            let _ = write!(stream, "{head}{:x}\r\n", content.len() + 1);
            let _ = stream.write_all(content);
            return;
        }
        Answer::TooMuch => {
            let range = format!("Content-Range: bytes {start}-{}/{}", content.len() - 1, content.len());
            let _ = write!(stream, "HTTP/1.1 206 Partial Content\r\n{range}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(&content[start..]);
            let _ = stream.write_all(content);
            return;
        }
        Answer::All => ("200 OK".to_owned(), content),
        Answer::Unmeasured => ("200 OK".to_owned(), content),
        Answer::Huge(_) => ("200 OK".to_owned(), &content[..1]),
        Answer::WrongPart => (partial(0, content.len()), content),
        Answer::Fair | Answer::Cut(_) if from.is_some_and(|from| from >= content.len()) => {
            ("416 Range Not Satisfiable".to_owned(), &[][..])
        }
        Answer::Fair | Answer::Cut(_) => {
            let head = if from.is_some() { partial(start, content.len()) } else { "200 OK".to_owned() };
            (head, &content[start..])
        }
    };
    let length = match answer {
        Answer::Unmeasured => String::new(),
        Answer::Huge(bytes) => format!("Content-Length: {bytes}\r\n"),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    let sent = if let Answer::Cut(bytes) = answer { &body[..*bytes] } else { body };
    let _ = write!(stream, "HTTP/1.1 {head}\r\n{length}Connection: close\r\n\r\n");
    let _ = stream.write_all(sent);
}

/// The same again and again, until nobody listens.
fn drip(mut stream: TcpStream, length: &str, bytes: &[u8], pause: Duration) {
    let _ = write!(stream, "HTTP/1.1 200 OK\r\n{length}Connection: close\r\n\r\n");
    while stream.write_all(bytes).is_ok() {
        thread::sleep(pause);
    }
}

fn partial(start: usize, total: usize) -> String {
    format!("206 Partial Content\r\nContent-Range: bytes {start}-{}/{total}", total - 1)
}

/// 300 kB in which no two places look alike.
fn content() -> Vec<u8> {
    (0..300_000_u32)
        .flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 24).to_le_bytes().into_iter().take(1))
        .collect()
}

fn digest_of(content: &[u8]) -> Sha256 {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), content).unwrap();
    Sha256::of(&dir.path().join("file")).unwrap()
}

fn get(server: &Server, digest: &Sha256, folder: &TempDir) -> Result<PathBuf> {
    get_with(&IMPATIENCE, server, digest, folder)
}

/// Pauses that a test can wait for.
const IMPATIENCE: Patience =
    Patience { pauses: [Duration::from_millis(1); 3], untold: 1_000_000, ..PATIENCE };

fn get_with(patience: &Patience, server: &Server, digest: &Sha256, folder: &TempDir) -> Result<PathBuf> {
    fetch_with(patience, &server.url, digest, folder.path(), &Progress::new(&|_| (), &Stop::default()))
}

/// The error as a person reads it, without the port.
fn told(server: &Server, result: Result<PathBuf>) -> String {
    let error = result.unwrap_err();
    let port = server.url.as_str().rsplit(':').next().unwrap().trim_end_matches("/model.pt");
    format!("{error}\n{}", error.hint().unwrap_or_default()).replace(port, "PORT")
}

fn asked(server: &Server) -> Vec<Option<usize>> {
    server.asked.lock().unwrap().clone()
}

fn files(folder: &TempDir) -> Vec<String> {
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn a_file_arrives_and_is_fetched_once() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let (digest, server) = (digest_of(&content), serve(&content, vec![Answer::Fair]));
    let steps = Mutex::new(Vec::new());
    let sink = |update| {
        let Update::Step { stage, done, total, unit } = update else { panic!("only steps are told") };
        steps.lock().unwrap().push((stage, done, total, unit));
    };
    let path = fetch(&server.url, &digest, folder.path(), &Progress::new(&sink, &Stop::default())).unwrap();
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(steps.lock().unwrap().last(), Some(&("download".to_owned(), 300, 300, "kB")));
    // The server is gone, and not missed.
    assert_eq!(get(&server, &digest, &folder).unwrap(), path);
    assert_eq!(files(&folder), [digest.to_string()]);
}

#[test]
fn what_broke_off_goes_on_in_the_same_run() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = serve(&content, vec![Answer::Cut(100_000), Answer::Cut(50_000), Answer::Fair]);
    let path = get(&server, &digest_of(&content), &folder).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    assert_eq!(asked(&server), [None, Some(100_000), Some(150_000)]);
}

#[test]
fn what_broke_off_goes_on_in_the_next_run() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let digest = digest_of(&content);
    let stop = Stop::default();
    let server = serve(&content, vec![Answer::Fair, Answer::Fair]);
    // Ctrl-C after the first piece.
    let sink = |_| stop.request();
    let error = fetch(&server.url, &digest, folder.path(), &Progress::new(&sink, &stop)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    let had = size(&folder.path().join(format!("{digest}.part")));
    assert!(had > 0 && had < 300_000);
    assert_eq!(fs::read(get(&server, &digest, &folder).unwrap()).unwrap(), content);
    assert_eq!(asked(&server), [None, Some(usize::try_from(had).unwrap())]);
}

#[test]
fn a_server_that_can_not_go_on_begins_anew() {
    let content = content();
    let digest = digest_of(&content);
    let part = |folder: &TempDir, bytes: &[u8]| {
        fs::write(folder.path().join(format!("{digest}.part")), bytes).unwrap();
    };
    // It sends all.
    let (folder, server) = (tempfile::tempdir().unwrap(), serve(&content, vec![Answer::All]));
    part(&folder, &content[..1000]);
    assert_eq!(fs::read(get(&server, &digest, &folder).unwrap()).unwrap(), content);
    // What is there is of another file.
    let (folder, server) = (tempfile::tempdir().unwrap(), serve(&content, vec![Answer::Fair, Answer::Fair]));
    part(&folder, &[7; 1000]);
    assert_eq!(fs::read(get(&server, &digest, &folder).unwrap()).unwrap(), content);
    assert_eq!(asked(&server), [Some(1000), None]);
    // All is there already, and more.
    for length in [300_000, 300_001] {
        let (folder, server) =
            (tempfile::tempdir().unwrap(), serve(&content, vec![Answer::Fair, Answer::Fair]));
        part(&folder, &[&content[..], b"!"].concat()[..length]);
        assert_eq!(fs::read(get(&server, &digest, &folder).unwrap()).unwrap(), content);
    }
    // It sends another part than it was asked for.
    let (folder, server) = (tempfile::tempdir().unwrap(), serve(&content, vec![Answer::WrongPart]));
    part(&folder, &content[..1000]);
    insta::assert_snapshot!("another_part", told(&server, get(&server, &digest, &folder)));
    assert!(files(&folder).is_empty());
}

#[test]
fn a_length_that_is_not_told_is_no_trouble() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = serve(&content, vec![Answer::Unmeasured]);
    assert_eq!(fs::read(get(&server, &digest_of(&content), &folder).unwrap()).unwrap(), content);
}

#[test]
fn a_server_without_end_is_left_and_nothing_is_kept() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = serve(&content, vec![Answer::Endless]);
    insta::assert_snapshot!("endless", told(&server, get(&server, &digest_of(&content), &folder)));
    assert!(files(&folder).is_empty());
    // One that announces how much it gives, and gives more.
    let digest = digest_of(&content);
    fs::write(folder.path().join(format!("{digest}.part")), &content[..1000]).unwrap();
    let server = serve(&content, vec![Answer::TooMuch]);
    insta::assert_snapshot!("too_much", told(&server, get(&server, &digest, &folder)));
    assert!(files(&folder).is_empty());
}

#[test]
fn what_can_not_be_gone_on_from_is_not_kept() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = serve(&content, vec![Answer::UnmeasuredCut]);
    insta::assert_snapshot!("unmeasured_cut", told(&server, get(&server, &digest_of(&content), &folder)));
    assert!(files(&folder).is_empty());
    assert_eq!(asked(&server), [None]);
}

#[test]
fn a_byte_a_request_is_not_asked_for_for_ever() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = serve(&content, (0..100).map(|_| Answer::Cut(1)).collect());
    insta::assert_snapshot!("a_byte_each", told(&server, get(&server, &digest_of(&content), &folder)));
    assert_eq!(asked(&server), [None, Some(1), Some(2), Some(3)]);
    // The next run may find a better day.
    assert_eq!(fs::read(folder.path().join(format!("{}.part", digest_of(&content)))).unwrap(), content[..4]);
}

#[test]
fn a_server_that_drips_is_too_slow() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = serve(&content, (0..4).map(|_| Answer::Dripping).collect());
    let patience = Patience { window: Duration::from_millis(50), ..IMPATIENCE };
    let told = told(&server, get_with(&patience, &server, &digest_of(&content), &folder));
    insta::assert_snapshot!("too_slow", told);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let (digest, server) = (digest_of(&content), serve(&content, vec![Answer::Fair]));
    let other = folder.path().join("other");
    fs::write(&other, "of a user's").unwrap();
    std::os::unix::fs::symlink(&other, folder.path().join(format!("{digest}.part"))).unwrap();
    assert_eq!(fs::read(get(&server, &digest, &folder).unwrap()).unwrap(), content);
    assert_eq!(fs::read_to_string(&other).unwrap(), "of a user's");
}

#[test]
fn another_file_is_refused_and_not_kept() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let server = serve(&content, vec![Answer::Fair]);
    insta::assert_snapshot!("another_file", told(&server, get(&server, &digest_of(b"other"), &folder)));
    assert!(files(&folder).is_empty());
}

#[test]
fn servers_that_refuse_are_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let digest = digest_of(b"content");
    for status in ["404 Not Found", "403 Forbidden", "503 Service Unavailable", "302 Found"] {
        let server = serve(b"content", vec![Answer::Status(status)]);
        let name = format!("status_{}", &status[..3]);
        insta::assert_snapshot!(name, told(&server, get(&server, &digest, &folder)));
    }
    let server = serve(b"content", vec![Answer::Huge(MAX_BYTES + 1)]);
    insta::assert_snapshot!("too_large", told(&server, get(&server, &digest, &folder)));
}

#[test]
fn without_a_network_the_url_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(b"content", Vec::new());
    // The server's thread may not have ended yet; nobody answers then either.
    while TcpStream::connect(server.url.as_str().trim_start_matches("http://").trim_end_matches("/model.pt"))
        .is_ok()
    {
        thread::yield_now();
    }
    let told = told(&server, get(&server, &digest_of(b"content"), &folder));
    assert!(told.starts_with("cannot reach http://127.0.0.1:PORT/model.pt: "), "{told}");
    assert!(told.ends_with("check the network and the URL; or fetch the file yourself, and give its path"));
}

#[test]
fn a_damaged_file_is_fetched_again() {
    let (content, folder) = (content(), tempfile::tempdir().unwrap());
    let (digest, server) = (digest_of(&content), serve(&content, vec![Answer::Fair, Answer::Fair]));
    let path = get(&server, &digest, &folder).unwrap();
    fs::write(&path, "damaged").unwrap();
    assert_eq!(fs::read(get(&server, &digest, &folder).unwrap()).unwrap(), content);
}

#[cfg(unix)]
#[test]
fn a_link_at_either_name_makes_way() {
    let (dir, content) = (tempfile::tempdir().unwrap(), content());
    let (digest, outside) = (digest_of(&content), dir.path().join("outside"));
    for name in [format!("{digest}"), format!("{digest}.part")] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(&outside, "precious").unwrap();
        std::os::unix::fs::symlink(&outside, folder.path().join(name)).unwrap();
        let server = serve(&content, vec![Answer::Fair]);
        assert_eq!(fs::read(get(&server, &digest, &folder).unwrap()).unwrap(), content);
        assert_eq!(fs::read(&outside).unwrap(), b"precious");
    }
}

fn now(server: &Server, folder: &TempDir, limit: u64) -> Result<(PathBuf, Sha256)> {
    let (silent, stop) = (|_| (), Stop::default());
    fetch_now(&server.url, limit, folder.path(), &Progress::new(&silent, &stop))
}

#[test]
fn what_lies_there_now_is_kept_under_its_digest() {
    let folder = TempDir::new().unwrap();
    for answer in [Answer::Fair, Answer::Unmeasured] {
        let server = serve(b"an image", vec![answer]);
        let (path, digest) = now(&server, &folder, 8).unwrap();
        assert_eq!(path, folder.path().join(digest.to_string()));
        assert_eq!(fs::read(path).unwrap(), b"an image");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn more_than_asked_for_less_than_told_and_a_refusal_keep_nothing() {
    let folder = TempDir::new().unwrap();
    let told = [
        (Answer::Fair, 7),
        (Answer::Unmeasured, 7),
        (Answer::Huge(1 << 40), 8),
        (Answer::Cut(3), 8),
        (Answer::Status("404 Not Found"), 8),
    ];
    let told = told.map(|(answer, limit)| {
        let server = serve(b"an image", vec![answer]);
        now(&server, &folder, limit).unwrap_err().to_string().replace(server.url.as_str(), "URL")
    });
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn without_a_server_it_is_told_what_to_do() {
    let folder = TempDir::new().unwrap();
    let server = Server { url: Url::parse("http://127.0.0.1:9/a.png").unwrap(), asked: Arc::default() };
    let error = now(&server, &folder, 8).unwrap_err();
    assert!(error.to_string().starts_with("cannot reach http://127.0.0.1:9/a.png"), "{error}");
    assert!(error.hint().unwrap().contains("network"));
}
