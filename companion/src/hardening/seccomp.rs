//! A system call filter: the kernel refuses to listen, whatever the program tries.
//!
//! It names what is refused. A list of what is allowed would break with every new version of the C
//! library, in the air; `deploy/systemd` adds one that its maintainers keep. A refused call returns
//! `EPERM`. The filter holds for all threads, the later ones too, and cannot be taken off.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

/// Which sockets the process may still make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sockets {
    /// Those that stay on the machine: the journal and the service manager.
    Local,
    /// Also clients over IP, which connect and never bind.
    Clients,
    /// The same, and connections to a listener that was made before are still taken.
    ClientsAndOneListener,
}

/// The filter cannot be made or the kernel does not take it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the system call filter is not in force: {0}; the kernel needs CONFIG_SECCOMP_FILTER, on x86-64 or aarch64"
)]
pub struct FilterError(String);

/// Making a listener.
const LISTENING: [i64; 2] = [libc::SYS_bind, libc::SYS_listen];
const ACCEPTING: [i64; 2] = [libc::SYS_accept, libc::SYS_accept4];

/// Ways around the filter, other programs, and the kernel's own tools.
const NEVER: [i64; 27] = [
    // Sockets without the system calls above.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_open_by_handle_at,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_reboot,
];

/// On x86-64 the kernel may know each call by a second number as well.
const X32: i64 = 0x4000_0000;

/// Puts the filter on every thread of the process.
///
/// # Errors
/// When the kernel does not take it. Nothing may fly then.
pub fn restrict(sockets: Sockets) -> Result<(), FilterError> {
    let program = filter(sockets)?;
    apply_filter_all_threads(&program).map_err(failed)
}

fn filter(sockets: Sockets) -> Result<BpfProgram, FilterError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let mut refuse = |call: i64, rules_of_call: Vec<SeccompRule>| {
        if cfg!(target_arch = "x86_64") {
            rules.insert(call | X32, rules_of_call.clone());
        }
        rules.insert(call, rules_of_call);
    };
    for call in LISTENING.iter().chain(&NEVER) {
        refuse(*call, Vec::new());
    }
    if sockets != Sockets::ClientsAndOneListener {
        ACCEPTING.iter().for_each(|call| refuse(*call, Vec::new()));
    }
    let families: &[i32] = match sockets {
        Sockets::Local => &[libc::AF_UNIX],
        Sockets::Clients | Sockets::ClientsAndOneListener => {
            &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6]
        }
    };
    refuse(libc::SYS_socket, vec![other_family(families)?]);
    refuse(libc::SYS_socketpair, vec![other_family(&[libc::AF_UNIX])?]);
    SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM as u32),
        architecture()?,
    )
    .and_then(BpfProgram::try_from)
    .map_err(failed)
}

/// Matches a socket of none of `families`.
fn other_family(families: &[i32]) -> Result<SeccompRule, FilterError> {
    let conditions: Result<Vec<_>, _> = families
        .iter()
        .map(|family| {
            let family = u64::from(family.unsigned_abs());
            SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)
        })
        .collect();
    conditions.and_then(SeccompRule::new).map_err(failed)
}

fn architecture() -> Result<TargetArch, FilterError> {
    TargetArch::try_from(std::env::consts::ARCH).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> FilterError {
    FilterError(error.to_string())
}
