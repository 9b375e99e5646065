package SessionCrypto::SoakVisits;

# The visits of one client to SessionCrypto::SoakSite: requests of each kind, what must come of
# each, and what the server must have counted.
#
#   my $visits = SessionCrypto::SoakVisits->new($site, asks_again => 1);
#   $visits->next while ...;
#   $visits->requests         # the number so far
#   $visits->lines            # what it did and what came of it: one word, a count, and words
#   large_requests()          # the texts of those that take most memory, with their counts
#
# With `asks_again`, each request must have its answer, as a browser sees it. Without, a
# connection may end before an answer: the request is *cut*, its visit is over, and what the
# server may have counted for it stands apart, as `perhaps`.

use strict;
use warnings;

use Exporter     qw(import);
use MIME::Base64 qw(decode_base64);
use Time::HiRes  qw(time);

use SessionCrypto::Classic    ();
use SessionCrypto::Connection ();
use SessionCrypto::Device     ();
use SessionCrypto::SoakSite   qw(EXPIRES SECTIONS counted);

our @EXPORT_OK = qw(large_requests);

# In each session, and nowhere else.
use constant USER => 'visitor';
use constant CUT  => "cut\n";
# The longest token, and a session that is longer. A cookie that browsers take has 4,096 bytes.
use constant { MOST => 1 << 20, HUGE => 600 * 1024, LONG => 3500 };
use constant SALTS => 4;

# How often each kind comes, of a thousand visits.
my %VISITS = (
    opens => 300, writes => 130, logs_in => 90, is_anonymous => 40, is_refused => 120, is_foreign => 120, is_stale => 40,
    expires => 40, ages => 40, logs_out => 30, ends_all => 12, is_long => 15, is_huge => 1, seals_nothing => 1,
    is_of_another_server => 3, has_a_device => 8, asks_for_the_page => 10,
);
my @KINDS = map { ($_) x $VISITS{$_} } sort keys %VISITS;

# Changes of a token: sections that have it, the change, and the reason of the refusal.
my @CLASSIC = qw(author classic);
my @JWE     = qw(device fixed jwe old p256 purpose rsa set);
my @CHANGES = (
    [[@CLASSIC],          sub { flipped($_[0], 0) },         'not_authentic'],
    [[@CLASSIC],          sub { $_[0] =~ s/.{4}\z//r },      'not_authentic'],
    [[@CLASSIC],          sub { $_[0] =~ s/.\z//r },         'encoding'],
    [[@CLASSIC],          sub { 'AAAA' },                    'too_short'],
    [[@CLASSIC, @JWE],    sub { "*$_[0]" },                  'encoding'],
    [[@CLASSIC],          sub { 'A.B' },                     'format'],
    [[@JWE],              sub { 'AAAA' },                    'format'],
    [[@JWE],              sub { 'A.B' },                     'parts'],
    [[@JWE],              sub { $_[0] =~ s/.\z//r },         'parts'],
    [[@JWE],              sub { flipped($_[0], 2) },         'tag'],
    [[@JWE],              sub { flipped($_[0], 3) },         'tag'],
    [[@JWE],              sub { flipped($_[0], 4) },         'tag'],
    [[qw(fixed set)],     sub { flipped($_[0], 1) },         'encrypted_key'],
    [[qw(p256 rsa)],      sub { flipped($_[0], 1) },         'signature'],
    # A key id is further on.
    [[qw(jwe old fixed)], sub { flipped($_[0], 0, 20) },     'header'],
);
# Sections with a token of another section, and the reason of the refusal.
my @FOREIGN = (
    [author => 'classic', 'not_authentic'], [classic => 'author', 'not_authentic'], [classic => 'jwe', 'format'],
    [jwe => 'classic', 'format'],           [jwe => 'old', 'unknown_key'],          [device => 'jwe', 'unknown_key'],
    [jwe => 'purpose', 'purpose'],          [purpose => 'jwe', 'purpose'],          [jwe => 'fixed', 'header'],
    [fixed => 'set', 'unknown_set_key'],    [set => 'fixed', 'unknown_set_key'],    [fixed => 'p256', 'header'],
    [p256 => 'rsa', 'header'],              [rsa => 'p256', 'header'],              [p256 => 'jwe', 'header'],
    [jwe => 'database', undef],
);
# The counters of the requests of a device, by the end of their path.
my %DEVICE = (
    register => [counted(opened => 'device'), counted(sealed => 'device', 3), 'devices.registered' => 1],
    refresh  => [counted(opened => 'device', 2), counted(sealed => 'device', 2), 'devices.refreshed' => 1],
);

sub new {
    my ($class, $site, %args) = @_;
    my $self = bless {
        site => $site, connection => SessionCrypto::Connection->new($site->httpd, %args), %args,
        done => {}, perhaps => {}, kinds => {}, wrong => [], cuts => [], requests => 0, serial => 0,
    }, $class;
    $self->{sections} = [grep { $_ ne 'short' && ($_ ne 'database' || $site->has_database) } sort keys %{ +SECTIONS }];
    # A key for each of a few hours of another server.
    my $classic = SessionCrypto::Classic->new(passphrase => SessionCrypto::SoakSite::NEW_PASSPHRASE);
    $self->{others} = [map { $classic->token('user=' . USER) } 1 .. SALTS];
    return $self;
}

sub requests { return $_[0]{requests} }

# One visit. An answer that is wrong, or none, ends it.
sub next {
    my ($self) = @_;
    my $kind = $KINDS[rand @KINDS];
    $self->{kind} = $kind;
    eval { $self->$kind; 1 } and return;
    push @{ $self->{wrong} }, "$kind: $@" if $@ ne CUT;
    return;
}

sub lines {
    my ($self) = @_;
    my $again = $self->{connection}->again;
    return (
        map({ my $what = $_; map { "$what $self->{$what}{$_} $_" } keys %{ $self->{$what} } } qw(done perhaps kinds)),
        map({ "cuts $_" } @{ $self->{cuts} }),
        map({ "wrong $_" } @{ $self->{wrong} }),
        map({ "again $again->{$_} $_" } keys %$again),
        "requests $self->{requests}",
    );
}

# The visits.

sub opens {
    my ($self) = @_;
    my $section = $self->_any_section;
    my $session = $self->_session($section);
    my $answer = $self->_ask($section, session => $session, counts => $self->_opening($section), may => [$self->_resealing($section)]);
    $self->_keep($section, $session, $answer, $session->{text});
    return;
}

sub writes {
    my ($self) = @_;
    my $section = $self->_any_section;
    my $session = $self->_session($section);
    my $page    = 'page=' . $self->{serial}++;
    my $text    = $session->{text} =~ s/&page=.*//r . "&$page";
    my $ask = sub {
        return $self->_ask($section, session => $session, set => $page,
            counts => [@{ $self->_opening($section) }, counted(sealed => $section)], may => [stale => 1]);
    };
    my $answer = $section eq 'set' ? $self->{site}->between_changes($ask) : $ask->();
    # The token of the client may be under a key that no longer seals.
    my $token = $answer->token // die "no session was saved\n";
    $self->_expect_session($answer, $session->{text});
    $self->_count(stale => 1) if $section eq 'set' && kid($token) ne kid($session->{token});
    $self->{sessions}{$section} = { token => $token, text => $text };
    return;
}

sub logs_in {
    my ($self) = @_;
    my $section = $self->_any_section;
    $self->{sessions}{$section} = $self->_login($section);
    return;
}

sub is_anonymous {
    my ($self) = @_;
    $self->_expect_nothing($self->_ask($self->_any_section));
    return;
}

sub is_refused {
    my ($self) = @_;
    my ($sections, $change, $reason) = @{ $CHANGES[rand @CHANGES] };
    my $section = $sections->[rand @$sections];
    my $token   = $change->($self->_session($section)->{token});
    $self->_expect_nothing($self->_ask($section, token => $token, counts => ["refused.$reason" => 1]));
    return;
}

sub is_foreign {
    my ($self) = @_;
    my ($from, $to, $reason) = @{ $FOREIGN[rand @FOREIGN] };
    return if $to eq 'database' && !$self->{site}->has_database;
    my $session = $self->_session($from);
    $self->_expect_nothing($self->_ask($to, session => $session, counts => defined $reason ? ["refused.$reason" => 1] : []));
    return;
}

# A session under the old passphrase, where another one seals.
sub is_stale {
    my ($self) = @_;
    my $session = $self->_session('old');
    my $answer = $self->_ask('jwe', session => $session, counts => [counted(opened => 'old'), counted(sealed => 'jwe'), stale => 1]);
    $self->_expect_session($answer, $session->{text});
    $self->{sessions}{jwe} = { token => $answer->token // die("the session was not saved\n"), text => $session->{text} };
    return;
}

# A session with an expiry: it is made now, and comes back when there is an older one.
sub expires {
    my ($self) = @_;
    my $end = time + EXPIRES;
    $self->_later(expired => $end + 0.1, 'classic', sprintf('expiry=%d', $end * 1e6), expired => 1);
    return;
}

# The same for one that reaches its age, which counts in whole seconds.
sub ages {
    my ($self) = @_;
    $self->_later(aged => time + EXPIRES + 2, 'short', undef, 'ended.lifetime' => 1);
    return;
}

sub logs_out {
    my ($self) = @_;
    my $section = (qw(classic jwe fixed p256))[rand 4];
    my $session = $self->_login($section);
    my $answer = $self->_ask($section, session => $session, set => 'user=', counts => [@{ $self->_opening($section) }, 'records used' => 1]);
    $self->_expect_session($answer, $session->{text});
    ($answer->token // 'nothing') eq '' or die "the cookie is not removed\n";
    for (1, 2) {
        $self->_expect_nothing($self->_ask($section, session => $session, counts => [@{ $self->_opening($section) }, revoked => 1]));
    }
    return;
}

sub ends_all {
    my ($self) = @_;
    my $user = $self->_new_user;
    my @sessions = map { $self->_login('fixed', $user) } 1, 2;
    my $answer = $self->_ask('end', method => 'POST', session => $sessions[0], counts => [counted(opened => 'fixed'), 'records used' => 2]);
    $answer->status == 204 or die 'status ' . $answer->status . "\n";
    for (@sessions) {
        $self->_expect_nothing($self->_ask('fixed', session => $_, counts => [counted(opened => 'fixed'), revoked => 1]));
    }
    return;
}

sub is_long {
    my ($self) = @_;
    my $section = (qw(classic jwe fixed p256))[rand 4];
    my $session = $self->_login($section, $self->_new_user . '&page=' . 'a' x LONG, oversize => 1);
    $self->_expect_session($self->_ask($section, session => $session, counts => $self->_opening($section)), $session->{text});
    return;
}

sub is_huge {
    my ($self) = @_;
    $self->_expect_nothing($self->_ask('jwe', token => too_long(), counts => ['refused.too_long' => 1]));
    return;
}

sub seals_nothing {
    my ($self) = @_;
    $self->_expect_nothing($self->_ask('classic', set => too_large(), counts => ['errors.not_sealed' => 1]));
    return;
}

sub too_long  { return 'A' x (MOST + 4) }
sub too_large { return 'user=' . USER . 'x' x HUGE }

sub large_requests {
    return (
        [SessionCrypto::Batch::_text('/jwe', session => too_long()),      'refused.too_long'],
        [SessionCrypto::Batch::_text('/classic', 'X-S' => too_large()),   'errors.not_sealed'],
    );
}

# A session without a birth, which gets one.
sub is_of_another_server {
    my ($self) = @_;
    my $token = $self->{others}[rand @{ $self->{others} }];
    my $answer = $self->_ask('classic', token => $token, counts => [counted(opened => 'classic'), counted(sealed => 'classic')]);
    $self->_expect_session($answer, 'user=' . USER);
    defined $answer->token or die "the session was not saved\n";
    return;
}

# A browser that registers a key, proves it, has its session bound, loses a copy of the session
# to a thief, and logs out.
sub has_a_device {
    my ($self) = @_;
    my $device = SessionCrypto::Device->new(servers => [$self], host => '127.0.0.1');
    my $text   = 'user=' . $self->_new_user;
    my $page = sub {
        my ($expected, $counts, @headers) = @_;
        $self->{device_counts} = $counts;
        my $answer = $device->get('/device', @headers);
        # The device takes a connection that ends for a server that is away.
        die CUT if delete $self->{was_cut};
        $self->_expect_session($answer, $expected);
        return;
    };
    my @opened = counted(opened => 'device', 2);
    $page->('', [counted(sealed => 'device', 2), 'devices.offered' => 1], 'X-S' => $text);
    $page->($text, [@opened, 'devices.unbound' => 1]);
    $page->($text, [counted(opened => 'device', 3), counted(sealed => 'device'), 'devices.became_bound' => 1]);
    my $happened = join ' ', map { @$_ } $device->happenings;
    $happened eq 'register registered refresh refreshed' or die "the browser did: $happened\n";
    my $stolen = { token => $device->cookies->value('session') };
    $page->($text, [@opened, 'devices.bound' => 1]);
    $self->_expect_nothing($self->_ask('device', session => $stolen, counts => [counted(opened => 'device'), 'devices.refused.no_cookie' => 1]));
    $page->($text, [@opened, 'devices.bound' => 1, 'records used' => 1], 'X-S' => 'user=');
    $self->_expect_nothing($self->_ask('device', session => $stolen, counts => [counted(opened => 'device'), revoked => 1]));
    return;
}

# The server and the client of a SessionCrypto::Device.
sub client { return $_[0] }

sub request {
    my ($self, $method, $path, $body, @headers) = @_;
    my $counts = $DEVICE{ $path =~ s{.*/}{}r } // $self->{device_counts};
    my $answer = eval { $self->_send($counts, [], $method, $path, $body, @headers) };
    return $answer if $answer;
    $self->{was_cut} = 1 if $@ eq CUT;
    die $@;
}

sub asks_for_the_page {
    my ($self) = @_;
    my ($form, $pattern) = @{ (['', qr/\A<!doctype html>/i], ['?json', qr/\A\{\s*"version":\s*1,.*\}\s*\z/s], ['?prometheus', qr/^session_crypto_sealed_total\{format="jwe"\} \d+$/m])[rand 3] };
    my $answer = $self->_send([], [], 'GET', "/status$form", undef);
    $answer->status == 200 && $answer->body =~ $pattern or die "not the page: @{[$answer->status]}\n";
    return;
}

# Their parts.

sub _any_section { my ($self) = @_; return $self->{sections}[rand @{ $self->{sections} }] }

sub _new_user { my ($self) = @_; return USER . "$$-" . $self->{serial}++ }

sub _session { my ($self, $section) = @_; return $self->{sessions}{$section} //= $self->_login($section) }

sub _login {
    my ($self, $section, $user, @counts) = @_;
    my $text = 'user=' . ($user // $self->_new_user);
    push @counts, 'devices.offered' => 1 if $section eq 'device';
    my $answer = $self->_ask($section, set => $text, counts => [counted(sealed => $section, $section eq 'device' ? 2 : 1), @counts]);
    $self->_expect_session($answer, '');
    return { token => $answer->token // die("no session was made\n"), text => $text };
}

sub _opening {
    my ($self, $section) = @_;
    return [counted(opened => $section), $section eq 'device' ? ('devices.unbound' => 1) : ()];
}

# The second counter of a session under a former key of its file, if it is only read.
sub _resealing { my ($self, $section) = @_; return $section eq 'set' ? (counted(sealed => 'set'), stale => 1) : () }

# The answer has the session, and a new token only where a new key seals.
sub _keep {
    my ($self, $section, $session, $answer, $text) = @_;
    $self->_expect_session($answer, $text);
    my $token = $answer->token // return;
    my @counts = $self->_resealing($section) or die "a session that was only read is saved\n";
    $self->_count(@counts);
    $self->{sessions}{$section} = { token => $token, text => $text };
    return;
}

# Makes a session that ends later, and brings back one that has ended.
sub _later {
    my ($self, $queue, $when, $section, $more, @counts) = @_;
    my $waiting = $self->{$queue} //= [];
    if (!@$waiting || $waiting->[0]{when} > time) {
        push @$waiting, { %{ $self->_login($section, $self->_new_user . (defined $more ? "&$more" : '')) }, when => $when };
        return;
    }
    my $session = shift @$waiting;
    $self->_expect_nothing($self->_ask($section, session => $session, counts => [counted(opened => $section), @counts]));
    return;
}

sub _expect_session {
    my ($self, $answer, $text) = @_;
    $answer->status == 200 or die 'status ' . $answer->status . "\n";
    my ($found, $expected) = map { join '&', sort grep { !/^(?:session-crypto|expiry)=/ } split /&/ } $answer->body, $text;
    $found eq $expected or die "another session: '" . substr($found, 0, 80) . "', and not '" . substr($expected, 0, 80) . "'\n";
    return;
}

# An empty session, and no cookie.
sub _expect_nothing {
    my ($self, $answer) = @_;
    $answer->status == 200 && $answer->body eq '' or die 'status ' . $answer->status . ", session '" . substr($answer->body, 0, 80) . "'\n";
    die "a cookie is set: $_\n" for $answer->header('set-cookie');
    return;
}

# A request of a section: `session` or `token`, what it `set`s, a `method`, what it `counts` as,
# and what it `may` be counted as beside.
sub _ask {
    my ($self, $section, %args) = @_;
    my $token = $args{session} ? $args{session}{token} : $args{token};
    return $self->_send(
        $args{counts} // [], $args{may} // [], $args{method} // 'GET', $section eq 'author' ? '/author/' : "/$section", undef,
        defined $token ? (session => $token) : (), defined $args{set} ? ('X-S' => $args{set}) : ());
}

sub _send {
    my ($self, $counts, $may, @request) = @_;
    $self->{requests}++;
    $self->{kinds}{ $self->{kind} }++;
    my $answer = $self->{connection}->request(@request);
    if (!$answer->status && !$self->{asks_again}) {
        push @{ $self->{cuts} }, time;
        $self->_add(perhaps => @$counts, @$may);
        die CUT;
    }
    $answer->status or die "no answer\n";
    $self->_count(@$counts);
    is_sealed($_) or die "in clear: $_\n" for $answer->header('set-cookie');
    return $answer;
}

sub _count { my ($self, @counts) = @_; return $self->_add(done => @counts) }

sub _add {
    my ($self, $what, @counts) = @_;
    while (my ($name, $count) = splice @counts, 0, 2) { $self->{$what}{$name} += $count }
    return;
}

# Whether no part of a cookie has a user, whether or not it is base64.
sub is_sealed {
    my ($cookie) = @_;
    return 0 if index($cookie, USER) >= 0;
    my ($value) = $cookie =~ /=([^;]*)/;
    for (split /\./, $value // '') {
        return 0 if index(decode_base64(tr{-_}{+/}r), USER) >= 0;
    }
    return 1;
}

# A token with another character somewhere in a part, or near its beginning. The bits of its end
# may have no meaning.
sub flipped {
    my ($token, $part, $most) = @_;
    my @parts = split /\./, $token, -1;
    my $at = int rand($most // length($parts[$part]) - 4);
    my $former = substr $parts[$part], $at, 1;
    substr($parts[$part], $at, 1) = $former eq 'A' ? 'B' : 'A';
    return join '.', @parts;
}

# The part of a token's header that names its key.
sub kid { my ($token) = @_; return $token =~ s/\..*//sr }

1;
