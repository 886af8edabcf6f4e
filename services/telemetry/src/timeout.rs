//! Calls whose time was over: which errors say so.

use std::error::Error;
use std::io;

use tower::timeout::error::Elapsed;

/// Whether the error, or one that caused it, is a timeout.
pub(crate) fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (**error).source()).any(is_itself_timeout)
}

fn is_itself_timeout(error: &(dyn Error + 'static)) -> bool {
    #[cfg(feature = "reqwest")]
    if error.downcast_ref().is_some_and(reqwest::Error::is_timeout) {
        return true;
    }
    is_deadline(error)
        || error
            .downcast_ref()
            .is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::TimedOut)
}

/// Whether the error itself is of a time that the program has set, and not of the network's.
pub(crate) fn is_deadline(error: &(dyn Error + 'static)) -> bool {
    error.is::<tonic::TimeoutExpired>()
        || error.is::<Elapsed>()
        || error.is::<tokio::time::error::Elapsed>()
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Caused(Box<dyn Error>);

    impl fmt::Display for Caused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("sending a request")
        }
    }

    impl Error for Caused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&*self.0)
        }
    }

    #[test]
    fn a_timeout_is_found_wherever_it_is_among_the_causes() {
        let timeouts: [Box<dyn Error>; 3] = [
            Box::new(tonic::TimeoutExpired(())),
            Box::new(Elapsed::new()),
            Box::new(io::Error::from(io::ErrorKind::TimedOut)),
        ];
        for timeout in timeouts {
            assert!(is_timeout(&*timeout), "{timeout:?}");
            assert!(is_timeout(&Caused(Box::new(Caused(timeout)))));
        }
    }

    #[test]
    fn no_other_error_is_one() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(!is_timeout(&Caused(Box::new(refused))));
    }
}
