/* Starts a command; prints the microseconds until its first line was there, the most memory that it held in KiB, and
 * the line. Small itself, as the memory of who starts a process counts as that process's first. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **command)
{
    struct timespec began, answered;
    struct rusage used;
    char line[4096];
    size_t size = 0;
    int ends[2], status = 0;
    ssize_t got = 1;
    clock_gettime(CLOCK_MONOTONIC, &began);
    if (count < 2 || pipe(ends) != 0) {
        return 2;
    }
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(command[1], command + 1);
        _exit(127);
    }
    close(ends[1]);
    while (got > 0 && memchr(line, '\n', size) == NULL && size < sizeof line - 1) {
        got = read(ends[0], line + size, sizeof line - 1 - size);
        size += (got > 0) ? (size_t)got : 0;
    }
    clock_gettime(CLOCK_MONOTONIC, &answered);
    char rest[4096];
    while (read(ends[0], rest, sizeof rest) > 0) {
    }
    line[size] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (wait4(child, &status, 0, &used) != child || status != 0) {
        return 1;
    }
    printf("%ld %ld %s\n",
           (long)((answered.tv_sec - began.tv_sec) * 1000000 + (answered.tv_nsec - began.tv_nsec) / 1000),
           used.ru_maxrss, line);
    return 0;
}
