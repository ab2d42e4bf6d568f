/* Loaded into the flying program by LD_PRELOAD: what a stranger in the process would try.
 *
 * A thread that is older than the program's main waits for the file INTRUDER_GO, then tries to make a
 * listener in each way there is, and writes the error numbers to INTRUDER_REPORT. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/syscall.h>
#include <unistd.h>

static int internet(void) { return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0; }

static int local_listener(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (fd < 0)
        return errno;
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "intruder-%d", getpid());
    return bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ? errno : 0;
}

static int listener(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return listen(fd, 1) < 0 ? errno : 0;
}

static int program(void)
{
    char *const arguments[] = {"/bin/true", NULL};
    return execv("/bin/true", arguments) < 0 ? errno : 0;
}

static int ring(void) { return syscall(SYS_io_uring_setup, 0, NULL) < 0 ? errno : 0; }

static void *intrude(void *unused)
{
    const char *go = getenv("INTRUDER_GO"), *report = getenv("INTRUDER_REPORT");
    FILE *out;
    char temporary[4096];
    (void)unused;
    if (!go || !report)
        return NULL;
    while (access(go, F_OK) != 0)
        usleep(20000);
    snprintf(temporary, sizeof temporary, "%s.part", report);
    out = fopen(temporary, "w");
    if (!out)
        return NULL;
    fprintf(out, "internet %d\nbind %d\nlisten %d\nio_uring %d\n", internet(), local_listener(), listener(), ring());
    fprintf(out, "execve %d\n", program());
    fclose(out);
    rename(temporary, report);
    return NULL;
}

__attribute__((constructor)) static void begin(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, intrude, NULL);
}
