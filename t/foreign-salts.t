# An attacker collects sessions of a C server that say nothing about a user, each with
# its own salt, and sends them in turn. The test counts the keys that this server
# derives for them, and shows that users of C servers notice nothing.

use strict;
use warnings;

use List::Util   qw(min);
use MIME::Base64 qw(decode_base64);
use Test::More;
use Time::HiRes qw(time);

use SessionCrypto::Httpd ();

use constant {
    # Derivations for sessions that say nothing: at once, and then for each second.
    BURST => 512, RATE => 16,
    REPLAYED => 150, FLOOD => 600, PASSES => 4, USERS => 25,
};

my $CONFIG  = "SessionCryptoPassphrase secret\nSessionMaxAge 3600\n";
my $NOTHING = qr/session refused.*the session says nothing about a user, and its key is not kept/;
my $SHORT   = qr/session refused.*as short as those that say nothing about a user/;

my $c     = SessionCrypto::Httpd->new(name => 'c', module => 'c', config => $CONFIG)->start;
my $other = SessionCrypto::Httpd->new(name => 'other', config => $CONFIG)->start;
my $ours  = SessionCrypto::Httpd->new(name => 'ours', config => $CONFIG, one_child => 1)->start;

my @anonymous = map { $c->client->get('/')->token // '' } 1 .. REPLAYED + FLOOD;
is((grep { length } @anonymous), REPLAYED + FLOOD, 'the C module gives each visitor a session');
my %seen;
$seen{ substr decode_base64($_), 8, 16 }++ for @anonymous;
is(scalar keys %seen, @anonymous, 'with a salt of its own');
my @users = map { $c->client->get('/', 'X-S' => "user=joe$_")->token } 1 .. USERS;
my $begin = time;

my @replayed = splice @anonymous, 0, REPLAYED;
{
    my $derived = derivations(sub { is(opened(@replayed), REPLAYED, 'sessions that say nothing are opened') });
    is($derived, REPLAYED, 'with one derivation each');
    # A few keys are still kept where all sessions are opened, so that some of these
    # open.
    my $refused = lines($NOTHING);
    $derived = derivations(sub { opened(@replayed) for 2 .. PASSES });
    is($derived, 0, 'sent again, they cost none');
    cmp_ok(lines($NOTHING) - $refused, '>', 0, 'but are refused');
}

# A token of another server of ours, made for a user before the flood.
my $hour = $other->client->get('/', 'X-S' => 'user=joe')->token;
is(derivations(sub { is(opened($hour), 1, 'a session of another server of ours is opened') }), 1, 'with one derivation');

{
    my $derived = derivations(sub { opened(@anonymous) }) + REPLAYED;
    my $allowed = BURST + RATE * (1 + time - $begin);
    cmp_ok($derived, '<=', $allowed, "a flood costs $derived derivations");
    # A slow machine may not send more than is allowed.
    cmp_ok(lines($SHORT), '>=', min(1, REPLAYED + FLOOD - $allowed), 'and more is refused');
    my $refused = lines($SHORT);
    my $opened  = 0;
    my $again   = time;
    for my $number (0 .. $#users) {
        opened(@anonymous[map { $number * 20 + $_ } 0 .. 19]);
        $opened += $ours->client->get('/', session => $users[$number])->body =~ /user=joe@{[$number + 1]}\b/;
    }
    is($opened, USERS, 'the sessions of all users of the C server are opened during the flood');
    # The cookies that are sent again were refused before.
    my $sent = $refused - (FLOOD - 20 * USERS);
    cmp_ok(lines($SHORT) - $refused, '>=', min(1, $sent - RATE * (1 + time - $again)), 'and the flood does go on');
}

is(derivations(sub { is(opened($hour, (@users) x 2), 1 + 2 * USERS, 'users come again') }), 0,
    'and no key of theirs was pushed out');

{
    my $own = $ours->client->get('/', 'X-S' => 'k=v')->token;
    opened(@anonymous);
    like($ours->client->get('/', session => $own)->body, qr/k=v/, 'this server opens a session of its own, however short');
}

$_->stop for $c, $other, $ours;
$ours->log->expect($_, 'refused tokens of the flood') for $NOTHING, $SHORT;
$_->log->clean for $ours, $other, $c;

done_testing;

# Sends tokens, and returns how many were not refused.
sub opened {
    my (@tokens) = @_;
    my $before = lines(qr/session refused/);
    $ours->client->get('/', session => $_) for @tokens;
    return @tokens - (lines(qr/session refused/) - $before);
}

# The number of keys derived meanwhile, without the key that a new hour brings for
# sealing.
sub derivations {
    my ($work) = @_;
    my ($before, $hour) = (lines(qr/a key was derived/), int time / 3600);
    $work->();
    return lines(qr/a key was derived/) - $before - (int(time / 3600) > $hour);
}

sub lines {
    my ($pattern) = @_;
    return scalar(() = $ours->log->lines($pattern));
}
