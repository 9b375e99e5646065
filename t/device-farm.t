# A browser stays bound for an hour on three servers that answer in turn, while their
# passphrase is rotated and each of them restarts; and a mark that is lost comes back.

use strict;
use warnings;

use Test::More;

use SessionCrypto::BoundSessions qw(SESSION value);
use SessionCrypto::Device        ();
use SessionCrypto::Httpd         ();

# Seconds between two requests of a person, and until the next server has other passphrases.
use constant { PAUSE => 45, STEP => 270, HOUR => 3600 };

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

# A rotation, as docs/rotation.md has it: each server takes a step before any takes the next.
my @STEPS = ('old-passphrase-of-a-farm', 'old-passphrase-of-a-farm new-passphrase-of-a-farm',
    'new-passphrase-of-a-farm old-passphrase-of-a-farm', 'new-passphrase-of-a-farm');

my $site = SessionCrypto::BoundSessions->new('device-farm', '', passphrases => $STEPS[0], servers => 3);
my @servers = $site->servers;
my $device = SessionCrypto::Device->new(servers => [@servers], clock => sub { $site->time });
$device->get('/', 'X-S' => 'user=joe');
$device->get('/') for 1 .. 2;

my @to_do = map { my $step = $_; map { [$_, $step] } @servers } @STEPS[1 .. $#STEPS];
my (%told, %came);
for (my $elapsed = PAUSE; $elapsed <= HOUR; $elapsed += PAUSE) {
    $site->wait(PAUSE);
    if ($elapsed % STEP == 0 && @to_do) {
        my ($server, $passphrases) = @{ shift @to_do };
        $site->set_passphrases($server, $passphrases);
    }
    my $answer = $device->get('/');
    $told{ $site->device($answer) . ' ' . $answer->body }++;
}
is(scalar @to_do, 0, 'the rotation is over');
is_deeply(\%told, { 'bound user=joe' => HOUR / PAUSE }, 'each request is bound');
$came{"@$_"}++ for $device->happenings;
is_deeply([sort keys %came], ['refresh refreshed', 'register registered'], 'each refresh comes through');
cmp_ok($came{'refresh refreshed'}, '<=', 1 + HOUR / 480, 'there is one in eight minutes');
cmp_ok($device->signatures, '<=', 2, 'far from the quota of browsers');

subtest 'a lost update' => sub {
    my ($owner, $stolen) = $site->theft;
    $owner->set(servers => [@servers]);
    # The answer to a request that was sent before the mark comes late.
    $owner->cookies->put(SESSION, value($stolen->{before}));
    my $answer = $owner->get('/');
    is($site->device($answer), 'bound', 'the session is bound all the same');
    isnt($answer->token(SESSION), undef, 'and has its mark again');
    $owner->cookies->drop('__Host-session-device');
    $owner->set(refreshes => 0);
    is($site->device($owner->get('/')), 'refused', 'so the cookie alone is refused');
};

$site->stop;
$_->log->expect(qr/SC0821: session refused/, 'a session without its bound cookie') for $site->servers;
$site->log_is_clean;

done_testing;
