/*
 * Runs a program, writes down what it does to the files below a folder, and can kill it before the N-th such thing.
 *
 *   tracer FOLDER TRACE STOP PROGRAM ARGUMENTS...
 *
 * The kernel asks for every system call that may change files (seccomp user notification), so nothing is missed,
 * whichever library makes it. What would succeed is written to TRACE before it happens, one line each:
 *
 *   create F | mkdir D | write F OFFSET HEX | truncate F LENGTH | fsync F | rename A B | link A B | unlink F | rmdir D
 *
 * STOP 0 never kills. Otherwise the line number STOP is the last one, and what it says was not done. The end of
 * standard input kills the program at once. Ends as the program ended; 137 when it was killed, 125 when tracing failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const int watched[] = {
    SYS_write,   SYS_writev,    SYS_pwrite64,  SYS_pwritev, SYS_pwritev2, SYS_fsync,     SYS_fdatasync,
    SYS_openat,  SYS_ftruncate, SYS_truncate,  SYS_renameat, SYS_renameat2, SYS_linkat,  SYS_unlinkat,
    SYS_mkdirat,
#ifdef SYS_open /* not on newer architectures */
    SYS_open,    SYS_creat,     SYS_rename,    SYS_link,    SYS_unlink,   SYS_rmdir,     SYS_mkdir,
#endif
};
/* Nobody uses these today. Whoever does is told so, and this file has to learn them. */
static const int unknown[] = {SYS_fallocate, SYS_copy_file_range, SYS_sendfile, SYS_symlinkat, SYS_openat2,
                              SYS_io_uring_setup, SYS_sync_file_range};

static const char *folder;
static int trace;
static long stop, count;
static pid_t child;

static void fail(const char *what) {
    fprintf(stderr, "tracer: %s: %s\n", what, strerror(errno));
    if (child > 0) kill(child, SIGKILL);
    exit(125);
}

static int install(void) {
    struct sock_filter code[128];
    size_t n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)watched[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)unknown[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void send_fd(int socket, int fd) {
    char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec io = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    if (sendmsg(socket, &message, 0) != 1) _exit(125);
}

static int receive_fd(int socket) {
    int fd;
    char byte, control[CMSG_SPACE(sizeof fd)];
    struct iovec io = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(socket, &message, 0) != 1 || !CMSG_FIRSTHDR(&message)) return -1;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static void peek(pid_t pid, uint64_t from, void *to, size_t length) {
    struct iovec here = {.iov_base = to, .iov_len = length}, there = {.iov_base = (void *)from, .iov_len = length};
    if (process_vm_readv(pid, &here, 1, &there, 1, 0) != (ssize_t)length) fail("read memory");
}

static void peek_text(pid_t pid, uint64_t from, char *to) {
    for (size_t at = 0; at < PATH_MAX; at++) {
        peek(pid, from + at, to + at, 1);
        if (!to[at]) return;
    }
    fail("read a path");
}

/* The path of an open file; empty when it is none of ours. */
static void path_of_fd(pid_t pid, int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", pid, fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
}

/* An absolute path without symbolic links, but for its last part. */
static void path_at(pid_t pid, int base, uint64_t text, char *path) {
    char given[PATH_MAX], whole[2 * PATH_MAX + 2], link[64];
    peek_text(pid, text, given);
    if (given[0] == '/') {
        strcpy(whole, given);
    } else {
        if (base == AT_FDCWD) snprintf(link, sizeof link, "/proc/%d/cwd", pid);
        else snprintf(link, sizeof link, "/proc/%d/fd/%d", pid, base);
        ssize_t length = readlink(link, whole, PATH_MAX);
        if (length < 0) fail("readlink");
        snprintf(whole + length, sizeof whole - (size_t)length, "/%s", given);
    }
    size_t length = strlen(whole);
    while (length > 1 && whole[length - 1] == '/') whole[--length] = 0;
    char *name = strrchr(whole, '/');
    *name++ = 0;
    if (!realpath(*whole ? whole : "/", path)) {
        path[0] = 0;
        return;
    }
    if (strlen(path) + strlen(name) + 2 > PATH_MAX) fail("path");
    strcat(strcat(path, "/"), name);
}

static int ours(const char *path) {
    size_t length = strlen(folder);
    return !strncmp(path, folder, length) && (path[length] == '/' || !path[length]) && !strstr(path, " (deleted)");
}

static int exists(const char *path) {
    struct stat found;
    return !lstat(path, &found);
}

static void out(const char *text, size_t length) {
    while (length) {
        ssize_t n = write(trace, text, length);
        if (n < 0) fail("write the trace");
        text += n, length -= (size_t)n;
    }
}

/* Writes a line. Returns only when the program may go on. */
static void note(const char *line) {
    out(line, strlen(line));
    if (++count == stop) {
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        exit(137);
    }
}

static void written(pid_t pid, int fd, long long offset, const struct iovec *parts, size_t number) {
    char path[PATH_MAX], name[64], text[256];
    path_of_fd(pid, fd, path);
    if (!ours(path)) return;
    size_t length = 0;
    for (size_t i = 0; i < number; i++) length += parts[i].iov_len;
    if (!length) return;
    if (offset < 0) {
        int flags = 0;
        snprintf(name, sizeof name, "/proc/%d/fdinfo/%d", pid, fd);
        FILE *info = fopen(name, "r");
        if (!info) fail("fdinfo");
        while (fgets(text, sizeof text, info)) sscanf(text, "pos: %lld", &offset), sscanf(text, "flags: %o", (unsigned *)&flags);
        fclose(info);
        struct stat file;
        if ((flags & O_APPEND) && !stat(path, &file)) offset = file.st_size;
    }
    char *line = malloc(PATH_MAX + 64 + 2 * length), *at = line;
    unsigned char *bytes = malloc(length);
    if (!line || !bytes) fail("memory");
    at += sprintf(at, "write %s %lld ", path, offset);
    for (size_t i = 0; i < number; i++) {
        if (!parts[i].iov_len) continue;
        peek(pid, (uint64_t)parts[i].iov_base, bytes, parts[i].iov_len);
        for (size_t b = 0; b < parts[i].iov_len; b++) at += sprintf(at, "%02x", bytes[b]);
    }
    strcpy(at, "\n");
    note(line);
    free(line), free(bytes);
}

static void opened(pid_t pid, int base, uint64_t text, int flags) {
    char path[PATH_MAX], line[PATH_MAX + 32];
    if (!(flags & (O_CREAT | O_TRUNC))) return;
    path_at(pid, base, text, path);
    if (!ours(path)) return;
    struct stat file;
    int there = !stat(path, &file);
    if (!there && (flags & O_CREAT)) snprintf(line, sizeof line, "create %s\n", path);
    else if (there && (flags & O_TRUNC) && file.st_size) snprintf(line, sizeof line, "truncate %s 0\n", path);
    else return;
    note(line);
}

static void one(const char *what, const char *path, int wanted) {
    char line[PATH_MAX + 32];
    if (!ours(path) || exists(path) != wanted) return;
    snprintf(line, sizeof line, "%s %s\n", what, path);
    note(line);
}

static void two(pid_t pid, const char *what, int from, uint64_t a, int to, uint64_t b, int replaces) {
    char source[PATH_MAX], target[PATH_MAX], line[2 * PATH_MAX + 32];
    path_at(pid, from, a, source), path_at(pid, to, b, target);
    if (!ours(target) || !exists(source) || (!replaces && exists(target))) return;
    snprintf(line, sizeof line, "%s %s %s\n", what, source, target);
    note(line);
}

static void synced(pid_t pid, int fd) {
    char path[PATH_MAX], line[PATH_MAX + 32];
    path_of_fd(pid, fd, path);
    if (!ours(path)) return;
    snprintf(line, sizeof line, "fsync %s\n", path);
    note(line);
}

static void look(pid_t pid, const struct seccomp_data *call) {
    const __u64 *a = call->args;
    char path[PATH_MAX];
    struct iovec parts[1024];
    switch (call->nr) {
    case SYS_write:
    case SYS_pwrite64:
        parts[0] = (struct iovec){.iov_base = (void *)a[1], .iov_len = a[2]};
        written(pid, (int)a[0], call->nr == SYS_write ? -1 : (long long)a[3], parts, 1);
        break;
    case SYS_writev:
    case SYS_pwritev:
    case SYS_pwritev2:
        if (a[2] > 1024) break;
        peek(pid, a[1], parts, a[2] * sizeof *parts);
        written(pid, (int)a[0], call->nr == SYS_writev ? -1 : (long long)a[3], parts, a[2]);
        break;
    case SYS_fsync:
    case SYS_fdatasync: synced(pid, (int)a[0]); break;
    case SYS_openat: opened(pid, (int)a[0], a[1], (int)a[2]); break;
    case SYS_ftruncate: {
        path_of_fd(pid, (int)a[0], path);
        char line[PATH_MAX + 64];
        snprintf(line, sizeof line, "truncate %s %llu\n", path, (unsigned long long)a[1]);
        if (ours(path)) note(line);
        break;
    }
    case SYS_truncate: errno = ENOSYS, fail("truncate by path"); break;
    case SYS_renameat: two(pid, "rename", (int)a[0], a[1], (int)a[2], a[3], 1); break;
    case SYS_renameat2: two(pid, "rename", (int)a[0], a[1], (int)a[2], a[3], !(a[4] & 1)); break;
    case SYS_linkat: two(pid, "link", (int)a[0], a[1], (int)a[2], a[3], 0); break;
    case SYS_unlinkat: path_at(pid, (int)a[0], a[1], path), one(a[2] & AT_REMOVEDIR ? "rmdir" : "unlink", path, 1); break;
    case SYS_mkdirat: path_at(pid, (int)a[0], a[1], path), one("mkdir", path, 0); break;
#ifdef SYS_open
    case SYS_open: opened(pid, AT_FDCWD, a[0], (int)a[1]); break;
    case SYS_creat: opened(pid, AT_FDCWD, a[0], O_CREAT | O_TRUNC); break;
    case SYS_rename: two(pid, "rename", AT_FDCWD, a[0], AT_FDCWD, a[1], 1); break;
    case SYS_link: two(pid, "link", AT_FDCWD, a[0], AT_FDCWD, a[1], 0); break;
    case SYS_unlink: path_at(pid, AT_FDCWD, a[0], path), one("unlink", path, 1); break;
    case SYS_rmdir: path_at(pid, AT_FDCWD, a[0], path), one("rmdir", path, 1); break;
    case SYS_mkdir: path_at(pid, AT_FDCWD, a[0], path), one("mkdir", path, 0); break;
#endif
    }
}

static void on_child(int signal) { (void)signal; }

/* How the program ended, when it has. */
static int ended(int how, int *result) {
    int status;
    if (waitpid(child, &status, how) != child) return 0;
    *result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 1;
}

int main(int argc, char **argv) {
    if (argc < 5) return 125;
    folder = realpath(argv[1], NULL);
    trace = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    stop = atol(argv[3]);
    int sockets[2];
    if (!folder || trace < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets)) fail("start");
    sigset_t blocked, before;
    sigemptyset(&blocked), sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, &before); /* it comes while polling, and then only */
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child}, NULL);
    child = fork();
    if (child < 0) fail("fork");
    if (!child) {
        signal(SIGCHLD, SIG_DFL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        dup2(open("/dev/null", O_RDONLY), 0);
        int listener = install();
        if (listener < 0) _exit(125);
        send_fd(sockets[1], listener);
        close(listener);
        execv(argv[4], argv + 4);
        _exit(125);
    }
    close(sockets[1]);
    int listener = receive_fd(sockets[0]), result;
    if (listener < 0) fail("seccomp");
    struct seccomp_notif call;
    struct seccomp_notif_resp answer;
    for (;;) {
        if (ended(WNOHANG, &result)) return result;
        struct pollfd wait[] = {{.fd = listener, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
        if (ppoll(wait, 2, NULL, &before) < 0) {
            if (errno == EINTR) continue;
            fail("poll");
        }
        if (wait[1].revents) kill(child, SIGKILL);
        if (wait[1].revents || !(wait[0].revents & POLLIN)) return ended(0, &result) ? result : 125;
        memset(&call, 0, sizeof call), memset(&answer, 0, sizeof answer);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call)) {
            if (errno == EINTR || errno == ENOENT) continue;
            fail("receive");
        }
        look((pid_t)call.pid, &call.data);
        answer.id = call.id, answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) && errno != ENOENT) fail("answer");
    }
}
