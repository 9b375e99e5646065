package SessionCrypto::ErrorLog;

# What a test expects of an error_log.
#
#   my $log = SessionCrypto::ErrorLog->new($path);   # from here on
#   $log->expect(qr/AH01617/, 'a wrong password');   # any number of such lines
#   $log->lines(qr/session_crypto:info/);            # lines since the last clear
#   $log->clear;                                     # checks, then looks no more at them
#   $log->clean('name of the check');                # the last assertion of a test

use strict;
use warnings;

use Test::More ();

# The parent's line on the keys that it derived, with their number.
use constant DERIVED => qr/\[session_crypto:info\] [^:]+:tid \d+\] (\d+) JWE keys derived from passphrases in [\d.]+ s; graceful restarts keep them$/;
# The passphrases of the tests are short, so that they can be read; that the
# module warns of them is what t/startup-passphrases.t is about.
use constant SHORT_PASSPHRASE =>
    qr/\[session_crypto:warn\] .*: SessionCryptoPassphrase(?:File)?: .*a passphrase is (?:shorter than|one of those)/;

sub new {
    my ($class, $path) = @_;
    my $self = bless { path => $path, expected => [SHORT_PASSPHRASE] }, $class;
    $self->{offset} = $self->_size;
    return $self;
}

# Names lines that may appear; `why` is for the reader of the test.
sub expect {
    my ($self, $pattern, $why) = @_;
    push @{ $self->{expected} }, $pattern;
    return;
}

# The lines written since the last clear, or those of them that match.
sub lines {
    my ($self, $pattern) = @_;
    open my $file, '<:raw', $self->{path} or return;
    seek $file, $self->{offset}, 0;
    chomp(my @lines = <$file>);
    return $pattern ? grep { /$pattern/ } @lines : @lines;
}

# Forgets the lines so far, once it has looked for unexpected ones.
sub clear {
    my ($self) = @_;
    push @{ $self->{unexpected} }, grep { $self->_is_unexpected($_) } $self->lines;
    $self->{offset} = $self->_size;
    return;
}

# Asserts that since `new` nothing unexpected was written.
sub clean {
    my ($self, $name) = @_;
    $self->clear;
    my @lines = @{ $self->{unexpected} // [] };
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ok = Test::More::ok(!@lines, $name // 'nothing unexpected in error_log');
    my $more = @lines > 20 ? @lines - 20 : 0;
    Test::More::diag(map({"error_log: $_\n"} splice @lines, 0, 20), $more ? "and $more more\n" : ())
        if !$ok;
    return $ok;
}

# What httpd's other modules say at `notice` and below is the noise of a healthy
# server, except that a crashed child is a mere notice; so is what the parent says
# of the keys that it derived. Everything from warning upwards, everything else
# that the modules under test say above debug, and every line that is not in
# httpd's format (a panic, a sanitizer) needs a name.
sub _is_unexpected {
    my ($self, $line) = @_;
    return 0 if grep { $line =~ $_ } @{ $self->{expected} };
    my ($module, $level) = $line =~ /^\[[^]]+\] \[(\w*):(\w+)\] \[pid/ or return 1;
    return 1 if $line =~ /exit signal/;
    return 0 if $level =~ /^(?:debug|trace\d)$/;
    return 0 if $line =~ DERIVED;
    return 1 if $module =~ /^session/;
    return $level !~ /^(?:info|notice)$/;
}

sub _size { return -s $_[0]{path} // 0 }

1;
