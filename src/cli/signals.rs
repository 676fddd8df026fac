//! Ctrl-C, SIGTERM and SIGHUP.

/// Calls `handler` at each of them. Under `nohup` a hang-up is ignored, and stays so.
pub(super) fn watch(handler: impl FnMut() + Send + 'static) -> Result<(), ctrlc::Error> {
    // SAFETY: signal takes a number and a constant, and no other thread sets handlers.
    let hang_up = unsafe { libc::signal(libc::SIGHUP, libc::SIG_DFL) };
    ctrlc::set_handler(handler)?;
    if hang_up == libc::SIG_IGN {
        // SAFETY: as above.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    }
    Ok(())
}

/// Calls `handler` at Ctrl-C alone; the others end the process as ever.
pub(super) fn interrupt(handler: impl FnMut() + Send + 'static) -> Result<(), ctrlc::Error> {
    // SAFETY: signal takes a number and a constant, and no other thread sets handlers.
    let hang_up = unsafe { libc::signal(libc::SIGHUP, libc::SIG_DFL) };
    ctrlc::set_handler(handler)?;
    // SAFETY: as above.
    unsafe {
        libc::signal(libc::SIGHUP, hang_up);
        libc::signal(libc::SIGTERM, libc::SIG_DFL);
    }
    Ok(())
}
