# Sessions stay in the realm they belong to, whichever way httpd leads a request
# on from one realm to another: nobody becomes somebody, nothing leaves in clear
# or is shown, and who is logged in stays so.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use SessionCrypto::Realms ();

# A session that is saved because it is young goes the same way as one that was
# changed: the realms that are left out differ in their keys alone.
my @FEW   = qw(clear one alike author clear-off);
my @SITES = (
    { store => 'cookie',   cipher => 'aes256' },
    { store => 'cookie',   cipher => 'aes-256-gcm', max_age => 1, realms => \@FEW },
    { store => 'database', cipher => 'aes-256-gcm' },
    { store => 'database', cipher => 'aes256', max_age => 1, realms => \@FEW },
);

for my $settings (@SITES) {
    my $site = SessionCrypto::Realms->new(module => 'ours', %$settings)->start;
    my $begin = time;
    subtest $site->name => sub {
        for my $cell ($site->cells) {
            for my $case ($site->cases($cell)) {
                next if defined $ENV{CASES} && $case->{name} !~ /$ENV{CASES}/;
                my @wrong = $site->wrong($case);
                note($case->{answer}) if defined $ENV{CASES};
                ok(!@wrong, $case->{name}) or diag($site->name, "\n", map { "$_->[0]: $_->[1]\n" } @wrong);
            }
        }
    };
    note(sprintf '%.1f s', time - $begin);
    $site->httpd->stop;
    $site->httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a session of another realm');
    $site->httpd->log->expect(qr/AH01630/, 'ErrorDocument 403');
    $site->httpd->log->clean;
}

done_testing;
