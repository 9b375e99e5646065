# While the parent reads a key file that has changed, or a child takes its keys over, a call
# of the module fails: of OpenSSL, for memory, random bytes or a file. Sessions stay encrypted
# and open, the old keys or the new ones are in force, and the new ones are once calls do not
# fail any more, without another change of the file.
#
# SESSION_CRYPTO_FULL=1 has every call fail, and not a sample.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use SessionCrypto::FaultyServer ();
use SessionCrypto::Faults       ();
use SessionCrypto::KeySets      qw(key key_id key_set);
use SessionCrypto::Preload      qw(preload);
use SessionCrypto::System       qw(read_file);
use SessionCrypto::Waiting      qw(wait_until);

# The fewest calls of a class that the parent makes, and the most of a sample; the seconds for
# new keys to come.
my %FLOOR = (files => 5);
use constant { SAMPLE => 8, SECONDS => 30, SESSION => SessionCrypto::FaultyServer::SESSION };

my $faults = SessionCrypto::Faults->new;
my $server = SessionCrypto::FaultyServer->new($faults, name => 'faults-reload');
my $httpd  = $server->httpd;
my $haste  = preload($httpd->dir, 'haste');

ok($server->start(with => $haste), 'the configuration starts') or BAIL_OUT(join "\n", $httpd->{output} // '', $httpd->log->lines);
my $client = $httpd->client;
my $token  = login();
my $first  = read_key();
my $number = 0;

for my $class (qw(files memory openssl random)) {
    for my $onwards (0, 1) {
        my $done = $faults->each_call($class, SAMPLE, sub { change($class, $_[0], onwards => $onwards, only => $httpd->pid) });
        is($done->{wrong}, 0, "the parent, $class: $done->{count} of $done->{calls} calls that fail harm nobody");
        cmp_ok($done->{calls}, '>=', $FLOOR{$class}, 'and there are enough') if $FLOOR{$class};
    }
}

for my $class (qw(files memory openssl random)) {
    my $done = $faults->each_call($class, SAMPLE, sub { take_over($class, $_[0]) });
    is($done->{wrong}, 0, "a child, $class: $done->{count} of $done->{calls} calls that fail harm nobody");
}

$httpd->stop;

done_testing;

sub login { return $client->get('/keys', 'X-S' => SESSION)->token // '' }

# The first key, under which the session of the test stays sealed.
sub read_key { return JSON::PP->new->decode(read_file($httpd->dir . '/keys'))->{keys}[0] }

# Writes a set with a new key, and returns its id.
sub push_key {
    my $id = 'key' . ++$number;
    # Sets with a newest key, in which the order tells.
    $httpd->write_file('keys', key_set($first, key($id, iat => time)), 0600);
    return $id;
}

# The parent reads a new set. Returns what `each_call` wants.
sub change {
    my ($class, $nth, %args) = @_;
    $httpd->log->clear;
    $faults->arm($class, $nth, %args);
    my $id    = push_key();
    my $comes = wait_until(sub { $faults->failed > ($args{onwards} ? 20 : 0) || key_id(login()) eq $id }, SECONDS);
    my $while = wrong_now();
    my $name  = $faults->disarm;
    my $after = wait_until(sub { key_id(login()) eq $id }, SECONDS) ? '' : "$id does not come";
    return if !defined $name;
    return ($name, $while, $after, wrong_now(), $server->wrong_lines($httpd->log->lines));
}

# A child takes over what the parent has read.
sub take_over {
    my ($class, $nth) = @_;
    $httpd->log->clear;
    my $id = push_key();
    wait_until(sub { $httpd->log->lines(qr/keys has changed, and its keys are in force/) }, SECONDS) or return;
    $faults->arm($class, $nth, only => -$httpd->pid);
    my $while = wrong_now();
    my $name  = $faults->disarm // return;
    return ($name, $while, key_id(login()) eq $id ? '' : "$id does not come", wrong_now(), $server->wrong_lines($httpd->log->lines));
}

# The mistakes of a login and a session now. A line is there if one is missing.
sub wrong_now {
    my $res  = $client->get('/keys', 'X-S' => SESSION);
    my $body = $client->get('/keys', session => $token)->body;
    my $said = grep { /\[session_crypto:error\]/ } $httpd->log->lines;
    return join '; ', join(' ', map { $res->header($_) } qw(set-cookie x-s)) =~ /user=joe/ ? 'in clear' : (),
        $res->token || $said ? () : 'no session and no line', $body =~ /\A(?:expiry=\d+&)?user=joe/ || $said ? () : "a session of '$body'";
}
