package SessionCrypto::Device;

# A browser that binds its sessions to a device, as Chromium 156 does. It registers a key
# where a server offers it, refreshes when the bound cookie is missing or has less than two
# minutes left, and keeps cookies as browsers do.
#
#   my $device = SessionCrypto::Device->new(servers => [$httpd]);    # in turn, if several
#   $device->get('/', 'X-S' => 'user=joe');
#   $device->post('/', 'a=b');
#   $device->get('/', from => 'elsewhere.test');     # a page there leads here
#   $device->happenings          # ['register', 'registered'], ['refresh', 'refreshed'], ...
#   $device->sessions            # those that it keeps: hashes with id, key, challenge, cookie
#   $device->refresh($session)   # what came of it
#   $device->last_offer          # of a registration: a hash with its challenge
#   $device->cookies             # SessionCrypto::Cookies
#
# Arguments of `new`:
#
#   servers     of SessionCrypto::Httpd
#   host        the host that it asks for
#   kind        of its keys, see SessionCrypto::DeviceKey
#   clock       a function, in place of the time
#   registers   0: it waits with registrations until `register` is called
#   refreshes   0: it does not refresh by itself
#
# What came of a registration: `registered`, `quota_exceeded`, or the status. Of a refresh:
# `refreshed`, `ended` (by the server's wish), `deleted` (the answer was final),
# `server_error`, `unreachable`, `quota_exceeded`.

use strict;
use warnings;

use JSON::PP ();

use SessionCrypto::Cookies   ();
use SessionCrypto::DeviceKey ();

# A bound cookie with fewer seconds left is refreshed beside the next request.
use constant SOON => 120;
# Signatures of a site in so many seconds.
use constant { QUOTA => 6, QUOTA_SECONDS => 540 };
# Challenges in a row.
use constant CHALLENGES => 4;

sub new {
    my ($class, %args) = @_;
    my $clock = $args{clock} // sub { time };
    return bless {
        host => 'app.test', kind => 'P-256', registers => 1, refreshes => 1, %args,
        clock => $clock, cookies => SessionCrypto::Cookies->new(clock => $clock),
        sessions => [], offers => [], happenings => [], signed => [], skipped => [],
    }, $class;
}

sub cookies    { return $_[0]{cookies} }
sub last_offer { return $_[0]{last_offer} }
sub sessions   { return @{ $_[0]{sessions} } }
sub happenings { return splice @{ $_[0]{happenings} } }

# Sets an argument of `new` anew.
sub set {
    my ($self, $name, $value) = @_;
    $self->{$name} = $value;
    return;
}

sub get  { my ($self, $path, @headers) = @_; return $self->request('GET', $path, undef, @headers) }
sub post { my ($self, $path, $body, @headers) = @_; return $self->request('POST', $path, $body, @headers) }

sub request {
    my ($self, $method, $path, $body, %headers) = @_;
    my $from = delete $headers{from};
    my %kind = (is_cross_site => defined $from, is_navigation => $method eq 'GET');
    $self->{skipped} = [];
    my @soon;
    for my $session ($self->{refreshes} ? $self->sessions : ()) {
        next if !_is_in_scope($session, $path) || !$self->_may_begin($session, $from);
        # SameSite keeps the cookie back anyway.
        next if defined $from && $session->{attributes}{samesite} ne 'None' && $method ne 'GET';
        my $left = $self->{cookies}->seconds($session->{cookie});
        if    (!defined $left) { $self->refresh($session, $from) }
        elsif ($left < SOON)   { push @soon, $session }
    }
    my @skipped = splice @{ $self->{skipped} };
    $headers{'Secure-Session-Skipped'} = join ', ', @skipped if @skipped;
    my $answer = $self->_ask($method, $path, $body, \%kind, %headers);
    push @{ $self->{offers} }, map { _offer($_, $from) } $answer->header('secure-session-registration');
    $self->refresh($_, $from) for @soon;
    $self->register if $self->{registers};
    return $answer;
}

# A request with the cookies that it may have. The next server answers.
sub _ask {
    my ($self, $method, $path, $body, $kind, %headers) = @_;
    push @{ $self->{servers} }, my $server = shift @{ $self->{servers} };
    my $cookies = $self->{cookies}->header($path, %$kind);
    $headers{Cookie} = $cookies if defined $cookies;
    my $answer = $server->client(host => $self->{host})->request($method, $path, $body, %headers);
    $self->{cookies}->take($_) for $answer->header('set-cookie');
    for ($answer->header('secure-session-challenge')) {
        my ($challenge, $id) = /\A"([^"]*)";\s*id="([^"]*)"\z/ or next;
        $_->{challenge} = $challenge for grep { $_->{id} eq $id } $self->sessions;
    }
    return $answer;
}

sub _offer {
    my ($line, $from) = @_;
    my ($algorithms, $parameters) = $line =~ /\A\(([^)]*)\)((?:;\w+="[^"]*")+)\z/ or die "not a registration: $line\n";
    return { algorithms => $algorithms, from => $from, $parameters =~ /;(\w+)="([^"]*)"/g };
}

# Takes the offers so far; `reversed`, the last one first.
sub register {
    my ($self, %args) = @_;
    my @offers = splice @{ $self->{offers} };
    @offers = reverse @offers if $args{reversed};
    push @{ $self->{happenings} }, ['register', $self->_register($_)] for @offers;
    return;
}

sub _register {
    my ($self, $offer) = @_;
    $self->{last_offer} = $offer;
    my $key = SessionCrypto::DeviceKey->new($self->{kind});
    my $alg = $key->alg;
    $offer->{algorithms} =~ /\b$alg\b/ or return 'no algorithm';
    $self->_may_sign or return 'quota_exceeded';
    my $answer = $self->_ask('POST', $offer->{path}, undef, { is_cross_site => defined $offer->{from} },
        'Content-Length' => 0, 'Secure-Session-Response' => $key->registration($offer->{challenge}));
    return $answer->status if $answer->status != 200;
    my $session = $self->_follow($answer->body);
    $session->{key} = $key;
    my ($challenge) = map { /\A"([^"]*)"/ } $answer->header('secure-session-challenge');
    $session->{challenge} = $challenge;
    # A session with the id of another one takes its place.
    @{ $self->{sessions} } = ((grep { $_->{id} ne $session->{id} } $self->sessions), $session);
    return 'registered';
}

# Reads instructions, and holds the cookie that came with them against them: a browser
# refreshes at every request if one attribute is another.
sub _follow {
    my ($self, $body) = @_;
    my $told = JSON::PP->new->utf8->decode($body);
    my ($cookie, @others) = @{ $told->{credentials} };
    die "not one cookie in $body\n" if !$cookie || @others || $cookie->{type} ne 'cookie';
    die "no include_site in $body\n" if !exists $told->{scope}{include_site};
    my %attributes = (path => '/', secure => '', httponly => '', samesite => '', domain => '',
        map { /\A\s*([^=]+?)\s*(?:=\s*(.*?))?\s*\z/ ? (lc $1, $2 // 1) : () } split /;/, $cookie->{attributes});
    my $set = $self->{cookies}->attributes($cookie->{name}) // die "no cookie $cookie->{name}\n";
    for (sort keys %attributes) {
        my $has = $set->{$_} || '';
        die "cookie $cookie->{name} has $_ '$has', and the instructions '$attributes{$_}'\n" if $has ne $attributes{$_};
    }
    return {
        id => $told->{session_identifier}, refresh => $told->{refresh_url}, cookie => $cookie->{name},
        attributes => \%attributes, rules => $told->{scope}{scope_specification} // [],
        initiators => $told->{allowed_refresh_initiators} // [],
    };
}

# The last rule that fits decides.
sub _is_in_scope {
    my ($session, $path) = @_;
    return 0 if index($path, $session->{refresh}) == 0;
    for my $rule (reverse @{ $session->{rules} }) {
        return $rule->{type} ne 'exclude' if index($path, $rule->{path}) == 0;
    }
    return 1;
}

sub _may_begin {
    my ($self, $session, $from) = @_;
    return 1 if !defined $from;
    return scalar grep { $_ eq '*' || $_ eq $from || (/\A\*(\..*)\z/ && $from =~ /\Q$1\E\z/) } @{ $session->{initiators} };
}

sub refresh {
    my ($self, $session, $from) = @_;
    my $came = $self->_refresh($session, $from);
    push @{ $self->{happenings} }, ['refresh', $came];
    @{ $self->{sessions} } = grep { $_ != $session } $self->sessions if $came =~ /\A(?:ended|deleted)/;
    push @{ $self->{skipped} }, qq($came;session_identifier="$session->{id}") if $came =~ /\A(?:server_error|unreachable|quota)/;
    return $came;
}

sub _refresh {
    my ($self, $session, $from) = @_;
    for (1 .. CHALLENGES) {
        my @proof;
        if (defined $session->{challenge}) {
            my $proof = $self->_proof($session) // return 'quota_exceeded';
            @proof = ('Secure-Session-Response' => $proof);
        }
        my $answer = eval {
            $self->_ask('POST', $session->{refresh}, undef, { is_cross_site => defined $from },
                'Content-Length' => 0, 'Sec-Secure-Session-Id' => $session->{id}, @proof);
        };
        return 'unreachable' if !$answer || !$answer->status;
        return 'server_error' if $answer->status >= 500;
        next if $answer->status == 403 && $answer->header('secure-session-challenge');
        return "deleted" if $answer->status != 200;
        return 'refreshed' if $answer->body eq '';
        my $told = eval { JSON::PP->new->utf8->decode($answer->body) } // return 'deleted';
        return 'ended' if exists $told->{continue} && !$told->{continue};
        return 'refreshed';
    }
    return 'deleted';
}

# The signature of a challenge is kept, and costs nothing the next time.
sub _proof {
    my ($self, $session) = @_;
    my $kept = $session->{proof};
    return $kept->{text} if $kept && $kept->{challenge} eq $session->{challenge};
    $self->_may_sign or return undef;
    my $text = $session->{key}->proof($session->{challenge});
    $session->{proof} = { challenge => $session->{challenge}, text => $text };
    return $text;
}

sub _may_sign {
    my ($self) = @_;
    my $now = $self->{clock}->();
    my @recent = grep { $_ > $now - QUOTA_SECONDS } @{ $self->{signed} };
    return 0 if @recent >= QUOTA;
    $self->{signed} = [@recent, $now];
    return 1;
}

# The signatures that count against the quota now.
sub signatures {
    my ($self) = @_;
    my $now = $self->{clock}->();
    return scalar grep { $_ > $now - QUOTA_SECONDS } @{ $self->{signed} };
}

1;
