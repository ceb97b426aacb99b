//! Slow hashes of what people can remember or type: made so that who has stolen the database learns little, on threads that
//! answer no requests and let everybody else go first, so that whoever buys does not feel who signs in.

#[cfg(target_os = "linux")]
mod mover;
mod workers;

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use argon2_rust::params::{Memory as Size, TagLen};
use argon2_rust::{Algorithm, Argon2, Error, Hasher, Params, Version};
use domain::UserId;
use tokio::sync::{Semaphore, oneshot};

use self::workers::{Manners, Workers};
use super::IdentityError;
use super::secret::{hex, random};
use crate::db::DbError;

/// How long somebody waits for their turn before they are asked to come again.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many may wait: no more than get their turn in that time on a small machine. The next is asked to come again at once.
const PLACES: usize = 64;
/// How long a hash waits for a processor that is idle before it is made behind the others.
const SOON: Duration = Duration::from_millis(300);
/// How one-time codes are hashed.
const OF_CODES: Params = Params::builder().memory(Size::mib(8)).passes(2).build_or_panic();
/// What a hash that is kept may cost, whoever has made it.
const MOST: Params = Params::builder().memory(Size::mib(256)).passes(16).lanes(16).threads(1).tag_len(TagLen::bytes(64)).build_or_panic();

/// Whose turn it is. Clones are the same.
#[derive(Clone)]
pub(super) struct Hashing {
    /// Those who are here: waiting or being looked at.
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    /// Who makes them where nothing else would run, and who where nothing is idle.
    last: Workers,
    behind: Workers,
    /// For whom it is worth to wait for an idle processor: where those who let everybody go first get nowhere, none is.
    idle: Arc<Semaphore>,
}

impl Default for Hashing {
    /// Half of the processors, and one at least.
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self::new((processors / 2).max(1), PLACES)
    }
}

impl Hashing {
    fn new(turns: usize, places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(turns + places)),
            turns: Arc::new(Semaphore::new(turns)),
            last: Workers::new(Manners::Last),
            behind: Workers::new(Manners::Behind),
            idle: Arc::new(Semaphore::new(turns)),
        }
    }

    /// Runs `work` when it is its turn; [`IdentityError::SignInBusy`] where too many wait for theirs, or it takes too long.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Memory) -> Result<T, IdentityError> + Send + Sync + 'static,
    ) -> Result<T, IdentityError> {
        // Neither semaphore is ever closed, so what fails is waiting.
        let place = self.places.clone().try_acquire_owned().map_err(|_| IdentityError::SignInBusy)?;
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(IdentityError::SignInBusy) };
        let work = Arc::new(work);
        let told = if let Ok(idle) = self.idle.clone().try_acquire_owned() {
            // Whoever asked may leave, and their turn is the next one's: what is begun holds its place among the idle.
            let mut first = start(&self.last, work.clone(), idle)?;
            if let Ok(told) = tokio::time::timeout(SOON, &mut first).await {
                told
            } else {
                // Nothing was idle for so long: once more, with a share of its own. Whichever is made first counts.
                let second = start(&self.behind, work, (turn, place))?;
                tokio::select! { told = first => told, told = second => told }
            }
        } else {
            start(&self.behind, work, (turn, place))?.await
        };
        told.map_err(|_| IdentityError::Database(DbError::Defect("a hash was not made to its end".to_owned())))?
    }
}

/// Begins it; what it holds is held until its end, also where whoever asked has left.
fn start<T: Send + 'static>(
    workers: &Workers,
    work: Arc<impl Fn(&mut Memory) -> Result<T, IdentityError> + Send + Sync + 'static>,
    held: impl Send + 'static,
) -> Result<oneshot::Receiver<Result<T, IdentityError>>, IdentityError> {
    let (tell, told) = oneshot::channel();
    let job = move |memory: &mut Memory| {
        // Of what ends badly, too, nobody hears before its place is free.
        let tell = tell;
        let held = held;
        let done = work(memory);
        drop(held);
        // Nobody may be waiting any more.
        let _ = tell.send(done);
    };
    workers.start(Box::new(job)).map_err(IdentityError::randomness)?;
    Ok(told)
}

/// What hashes are made in, kept from one to the next, and wiped between them.
pub(super) struct Memory(Hasher);

impl Memory {
    pub(super) fn new() -> Self {
        Self(argon2(Params::default()).hasher())
    }

    fn for_hashes_with(&mut self, params: Params) -> &mut Hasher {
        self.0.set_argon2(argon2(params));
        &mut self.0
    }
}

const fn argon2(params: Params) -> Argon2 {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// What is kept of a one-time code. 40 bits can be tried out by who has stolen the database, so the hash is slow (Argon2id,
/// 8 MiB); it has one salt for all, because a code is looked up by its hash.
pub(super) fn of_code(code: &str, memory: &mut Memory) -> Result<String, IdentityError> {
    let hash = memory.for_hashes_with(OF_CODES).hash(code.as_bytes(), b"orderly staff sign-in code").map_err(not_made)?;
    Ok(hex(&hash))
}

/// What is kept of a password: Argon2id with 19 MiB, two passes and a salt of its own (OWASP, Password Storage Cheat
/// Sheet), in the PHC string format, which names them.
pub(super) fn of_password(password: &str, memory: &mut Memory) -> Result<String, IdentityError> {
    let salt = random::<16>().map_err(IdentityError::randomness)?;
    memory.for_hashes_with(Params::default()).hash_encoded(password.as_bytes(), &salt).map_err(not_made)
}

/// Whether this is somebody's password. Without a hash it takes as long to say no: nothing tells whether somebody has one. So it does
/// where what is kept is damaged, or would take more than this machine may give.
pub(super) fn is_password(password: &str, kept: Option<(UserId, &str)>, memory: &mut Memory) -> Result<bool, IdentityError> {
    let Some((user, hash)) = kept else { return of_password(password, memory).map(|_| false) };
    let hasher = memory.for_hashes_with(Params::default());
    // It is made as the hash itself says, and compared in constant time.
    match hasher.verify_encoded_bounded(hash, password.as_bytes(), Algorithm::Argon2id, &MOST) {
        Ok(()) => Ok(true),
        Err(Error::VerifyMismatch) => Ok(false),
        Err(error @ Error::MemoryAllocationError) => Err(not_made(error)),
        Err(error) => {
            tracing::error!(%user, %error, "the kept password is of no use: a new one-time code lets its owner choose another one");
            of_password(password, memory).map(|_| false)
        }
    }
}

fn not_made(error: Error) -> IdentityError {
    IdentityError::Database(DbError::Defect(format!("a slow hash: {error}")))
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

    fn somebody() -> UserId {
        "0193b3c4-5d6e-7f80-9a1b-000000000001".parse().unwrap()
    }

    /// Where threads wait until it is opened. Clones are the same.
    #[derive(Clone, Default)]
    struct Gate(Arc<(Mutex<bool>, Condvar)>);

    impl Gate {
        fn pass(&self) {
            let closed = self.0.0.lock().unwrap();
            drop(self.0.1.wait_while(closed, |open| !*open).unwrap());
        }

        fn open(&self) {
            *self.0.0.lock().unwrap() = true;
            self.0.1.notify_all();
        }
    }

    #[test]
    fn a_password_is_known_by_its_hash_and_by_nothing_else() {
        let mut memory = Memory::new();
        let mut of_password = |password| super::of_password(password, &mut memory);
        let hash = of_password("over the counter").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, of_password("over the counter").unwrap(), "each has a salt of its own");
        let mut is_password = |password, hash: Option<&str>| super::is_password(password, hash.map(|hash| (somebody(), hash)), &mut memory);
        assert_eq!(is_password("over the counter", Some(&hash)), Ok(true));
        assert_eq!(is_password("Over the counter", Some(&hash)), Ok(false));
        assert_eq!(is_password("over the counter", None), Ok(false));
        // What nobody can make, or nobody has made, is nobody's password, and takes no memory.
        let damaged = ["m=4294967295", "m=0", "m=", "t=2"].map(|cost| hash.replace("m=19456", cost));
        for damaged in
            damaged.iter().map(String::as_str).chain(["", "plain", &hash[..hash.len() - 1], &hash.replace("argon2id", "argon2i")])
        {
            assert_eq!(is_password("over the counter", Some(damaged)), Ok(false), "{damaged}");
        }
    }

    /// The hashes of the reference implementation's other port: what is kept outlives whatever makes it.
    #[test]
    fn hashes_are_those_of_the_standard() {
        use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, Salt, SaltString};

        let mut memory = Memory::new();
        let long = "0123456789abcdef".repeat(64);
        let passwords = (0..long.len()).step_by(61).map(|length| &long[..length]).chain(["", "è", "over the counter", &long]);
        for password in passwords {
            let hash = of_password(password, &mut memory).unwrap();
            let (kept, other) = (PasswordHash::new(&hash).unwrap(), argon2::Argon2::default());
            assert_eq!(other.verify_password(password.as_bytes(), &kept), Ok(()), "{} characters", password.len());
            let salt = SaltString::encode_b64(&random::<16>().unwrap()).unwrap();
            let hash = other.hash_password(password.as_bytes(), Salt::from(&salt)).unwrap().to_string();
            assert_eq!(is_password(password, Some((somebody(), &hash)), &mut memory), Ok(true), "{} characters", password.len());
            assert_eq!(is_password(&format!("{password} "), Some((somebody(), &hash)), &mut memory), Ok(false));
        }
        let params = argon2::Params::new(8 * 1024, 2, 1, Some(32)).unwrap();
        let other = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let mut hash = [0; 32];
        other.hash_password_into(b"ABCD0123", b"orderly staff sign-in code", &mut hash).unwrap();
        assert_eq!(of_code("ABCD0123", &mut memory), Ok(hex(&hash)));
    }

    #[tokio::test]
    async fn only_so_many_wait_and_the_next_is_told_at_once() {
        let hashing = Hashing::new(1, 2);
        let gate = Gate::default();
        let first = tokio::spawn({
            let (hashing, gate) = (hashing.clone(), gate.clone());
            async move {
                let pass = move |_: &mut Memory| {
                    gate.pass();
                    Ok(0)
                };
                hashing.run(pass).await
            }
        });
        while hashing.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (0..2)
            .map(|n| {
                let hashing = hashing.clone();
                tokio::spawn(async move { hashing.run(move |_| Ok(n)).await })
            })
            .collect();
        while hashing.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hashing.run(|_| Ok(3)).await, Err(IdentityError::SignInBusy));
        gate.open();
        assert_eq!(first.await.unwrap(), Ok(0));
        for (n, other) in others.into_iter().enumerate() {
            assert_eq!(other.await.unwrap(), Ok(n));
        }
        assert_eq!(hashing.run(|_| Ok(4)).await, Ok(4), "every place is free again");
    }

    #[tokio::test]
    async fn a_hash_that_ends_badly_gives_its_place_back() {
        // One for whoever is slower: on a machine that is never idle it is made twice.
        let hashing = Hashing::new(1, 1);
        // Without a word: who says it while others hold the processor would keep them from saying anything.
        let dead = hashing.run(|_| -> Result<(), IdentityError> { std::panic::resume_unwind(Box::new("out of memory")) }).await;
        assert!(matches!(dead, Err(IdentityError::Database(DbError::Defect(_)))), "{dead:?}");
        assert_eq!(hashing.run(|_| Ok(1)).await, Ok(1));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashes_are_made_last_and_where_nothing_is_idle_behind_the_others() {
        use thread_priority::{NormalThreadSchedulePolicy::Idle, ThreadSchedulePolicy::Normal, thread_schedule_policy};

        let manners = || (thread_schedule_policy().ok(), rustix::process::getpriority_process(None).unwrap());
        let before = manners();
        // Whoever lets everybody go first gets nowhere here.
        let gate = Gate::default();
        let hashing = Hashing::default();
        let made = hashing.run({
            let gate = gate.clone();
            move |_| {
                let (policy, nice) = manners();
                if policy == Some(Normal(Idle)) {
                    gate.pass();
                }
                Ok((policy, nice))
            }
        });
        // At idle priority or lower already, there is nothing to give.
        assert_eq!(made.await.unwrap(), (before.0, before.1.max(workers::NICE)));
        gate.open();
        assert_eq!(manners(), before, "nobody else has given way");
    }

    #[test]
    fn codes_are_found_by_their_hash() {
        let of_code = |code| of_code(code, &mut Memory::new());
        assert_eq!(of_code("ABCD0123"), of_code("ABCD0123"));
        assert_ne!(of_code("ABCD0123").unwrap(), of_code("ABCD0124").unwrap());
    }

    #[test]
    fn what_was_in_the_memory_before_changes_nothing() {
        let mut memory = Memory::new();
        let code = of_code("ABCD0123", &mut memory).unwrap();
        let hash = of_password("over the counter", &mut memory).unwrap();
        assert_eq!(of_code("ABCD0123", &mut memory).unwrap(), code, "in one that is larger");
        assert_eq!(is_password("over the counter", Some((somebody(), &hash)), &mut Memory::new()), Ok(true), "in a new one");
        assert_eq!(is_password("over the counter", Some((somebody(), &hash)), &mut memory), Ok(true));
    }
}
