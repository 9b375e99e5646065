package SessionCrypto::Cookies;

# The cookies of a browser for one host, as RFC 6265bis and browsers have them: by name and
# path, with the time at which they end, and with what a request of another site may have.
#
#   my $cookies = SessionCrypto::Cookies->new(clock => sub { time });
#   $cookies->take($line);                               # the value of Set-Cookie, over TLS
#   $cookies->header('/path')                            # the value of Cookie, or undef
#   $cookies->header('/path', is_cross_site => 1)        # of a request that another site began
#   $cookies->header('/path', is_cross_site => 1, is_navigation => 1)    # of a link there
#   $cookies->value($name)  $cookies->seconds($name)     # undef if there is none
#   $cookies->attributes($name)                          # path, secure, httponly, samesite
#   $cookies->put($name, $value, path => '/')  $cookies->drop($name)
#   $cookies->names  $cookies->copy

use strict;
use warnings;

sub new {
    my ($class, %args) = @_;
    return bless { clock => $args{clock} // sub { time }, jar => {} }, $class;
}

# The jar of another machine, which has copied this one.
sub copy {
    my ($self) = @_;
    return bless { clock => $self->{clock}, jar => { map { $_ => { %{ $self->{jar}{$_} } } } keys %{ $self->{jar} } } }, ref $self;
}

# Returns why a browser does not take the cookie; nothing if it does.
sub take {
    my ($self, $line) = @_;
    my ($pair, @attributes) = split /\s*;\s*/, $line;
    my ($name, $value) = $pair =~ /\A\s*([^=]*?)\s*=\s*(.*?)\s*\z/ or return 'no name';
    my %cookie = (name => $name, value => $value, path => '/', samesite => 'Lax', secure => 0, httponly => 0);
    for (@attributes) {
        my ($attribute, $text) = /\A([^=]+)(?:=(.*))?\z/ or next;
        $cookie{ lc $attribute } = $text // 1;
    }
    return 'SameSite=None without Secure' if lc $cookie{samesite} eq 'none' && !$cookie{secure};
    return 'a prefix without Secure' if $name =~ /\A__(?:Host|Secure)-/i && !$cookie{secure};
    return '__Host- with Domain or without Path=/'
        if $name =~ /\A__Host-/i && (exists $cookie{domain} || $cookie{path} ne '/');
    my $age = delete $cookie{'max-age'};
    $cookie{ends} = $self->{clock}->() + $age if defined $age;
    my $key = "$cookie{path} $name";
    if (defined $age && $age <= 0) { delete $self->{jar}{$key} }
    else                           { $self->{jar}{$key} = \%cookie }
    return;
}

sub put {
    my ($self, $name, $value, %attributes) = @_;
    my %cookie = (name => $name, value => $value, path => '/', samesite => 'Lax', secure => 1, httponly => 1, %attributes);
    $self->{jar}{"$cookie{path} $name"} = \%cookie;
    return;
}

sub drop {
    my ($self, $name) = @_;
    delete @{ $self->{jar} }{ grep { / \Q$name\E\z/ } keys %{ $self->{jar} } };
    return;
}

# Those with the longest path come first.
sub header {
    my ($self, $path, %request) = @_;
    $path =~ s/\?.*//s;
    my @sent = grep { _is_below($path, $_->{path}) && _is_allowed($_, %request) } $self->_living;
    @sent = sort { length $b->{path} <=> length $a->{path} || $a->{name} cmp $b->{name} } @sent;
    return @sent ? join '; ', map { "$_->{name}=$_->{value}" } @sent : undef;
}

# A request of another site has cookies with SameSite=None, and those with Lax if it is the
# navigation of a person that changes nothing.
sub _is_allowed {
    my ($cookie, %request) = @_;
    my $same_site = lc $cookie->{samesite};
    return !$request{is_cross_site} || $same_site eq 'none' || ($same_site eq 'lax' && $request{is_navigation});
}

# RFC 6265, section 5.1.4.
sub _is_below {
    my ($path, $of) = @_;
    return $path eq $of || $path =~ m{\A\Q$of\E} && ($of =~ m{/\z} || $path =~ m{\A\Q$of\E/});
}

sub _living {
    my ($self) = @_;
    my $now = $self->{clock}->();
    return grep { !defined $_->{ends} || $_->{ends} > $now } values %{ $self->{jar} };
}

sub _find {
    my ($self, $name) = @_;
    my ($cookie) = grep { $_->{name} eq $name } $self->_living;
    return $cookie;
}

sub names { return sort map { $_->{name} } $_[0]->_living }

sub value {
    my $cookie = $_[0]->_find($_[1]) // return undef;
    return $cookie->{value};
}

sub attributes { return $_[0]->_find($_[1]) }

# The seconds that a cookie still lives; a number without end for one that lives with the
# browser.
sub seconds {
    my ($self, $name) = @_;
    my $cookie = $self->_find($name) // return undef;
    return defined $cookie->{ends} ? $cookie->{ends} - $self->{clock}->() : 9**9**9;
}

1;
