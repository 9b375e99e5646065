/*
 * A program that takes its user for root.
 *
 * systemd-creds of Debian 13 asks a service to encrypt and decrypt, unless it runs as root. A
 * test has no such service, and files of its own.
 */
#include <unistd.h>

uid_t geteuid(void)
{
    return 0;
}
