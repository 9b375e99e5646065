package SessionCrypto::ErrorLog;

# An error_log, and the lines that a test expects in it.
#
#   my $log = SessionCrypto::ErrorLog->new($path);   # from here on
#   $log->expect(qr/AH01617/, 'a wrong password');   # any number of such lines
#   $log->lines(qr/session_crypto:info/);            # lines since the last `clear`
#   $log->clear;                                     # checks the lines so far, then drops them
#   $log->rotate;                                    # clears it, and puts it aside for a restart
#   $log->unexpected;                                # the lines that nobody expects
#   $log->clean('name of the check');                # the last assertion of a test

use strict;
use warnings;

use Test::More ();

# The beginning of a line of the module under test: httpd's own words, and one code.
use constant OURS => qr/^\[[^]]+\] \[session_crypto:\w+\] /;
use constant CODE => qr/${\OURS}(?:\[(?:pid|client|remote) [^]]*\] |\S+\.c\(\d+\): )*SC\d{4}: (?!.*\bSC\d{4}: )/;
# The C module goes by the same name, and has codes of httpd.
use constant OF_C_MODULE => qr/ AH\d{5}: /;
# The parent's line about the keys that it derived, with their number. It has advice and a
# higher level if that took long.
use constant DERIVED => qr/\[session_crypto:(?:info|notice)\] \[pid [^]]+\] SC053[12]: (\d+) JWE keys derived from passphrases in [\d.]+ s(?:, and nobody was served meanwhile)?; graceful restarts keep them(?:: .*)?$/;
# The ids of the keys of each section, at startup.
use constant KEYS => qr/\[session_crypto:info\] \[pid [^]]+\] SC050[12]: /;
# Warnings about short passphrases. Tests use short ones, which are easy to read;
# t/startup-passphrases.t tests these warnings.
use constant SHORT_PASSPHRASE =>
    qr/\[session_crypto:warn\] .*: SessionCryptoPassphrase(?:File)?: .*a passphrase is (?:shorter than|one of those)/;

sub new {
    my ($class, $path) = @_;
    my $self = bless { path => $path, expected => [SHORT_PASSPHRASE] }, $class;
    $self->{offset} = $self->_size;
    return $self;
}

# Allows lines that match. `why` is for the reader of the test.
sub expect {
    my ($self, $pattern, $why) = @_;
    push @{ $self->{expected} }, $pattern;
    return;
}

# The lines since the last `clear`; with a pattern, those that match.
sub lines {
    my ($self, $pattern) = @_;
    open my $file, '<:raw', $self->{path} or return;
    seek $file, $self->{offset}, 0;
    chomp(my @lines = <$file>);
    return $pattern ? grep { /$pattern/ } @lines : @lines;
}

# Drops the lines so far, after a look for unexpected ones.
sub clear {
    my ($self) = @_;
    push @{ $self->{unexpected} }, grep { $self->_is_unexpected($_) } $self->lines;
    $self->{offset} = $self->_size;
    return;
}

# Processes of the former configuration write to the file that is put aside until they end.
sub rotate {
    my ($self) = @_;
    $self->clear;
    my $number = @{ $self->{aside} //= [] };
    my $aside = bless { %$self, path => "$self->{path}.$number" }, ref $self;
    rename $self->{path}, $aside->{path} or die "$aside->{path}: $!\n";
    push @{ $self->{aside} }, $aside;
    $self->{offset} = 0;
    return;
}

# The unexpected lines since `new`.
sub unexpected {
    my ($self) = @_;
    $self->clear;
    my @lines = @{ $self->{unexpected} // [] };
    push @lines, map { my $aside = $_; grep { $self->_is_unexpected($_) } $aside->lines } @{ $self->{aside} // [] };
    return @lines;
}

# Asserts that there is none.
sub clean {
    my ($self, $name) = @_;
    my @lines = $self->unexpected;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ok = Test::More::ok(!@lines, $name // 'nothing unexpected in error_log');
    my $more = @lines > 20 ? @lines - 20 : 0;
    Test::More::diag(map({"error_log: $_\n"} splice @lines, 0, 20), $more ? "and $more more\n" : ())
        if !$ok;
    return $ok;
}

# Other modules of httpd write lines at `notice` and below on a healthy server, and the
# parent one about the keys it derived, and about those of each section: these are expected. A crashed child is only a
# notice too, and is not expected. A line of the module under test without a code is never
# expected. A test must name all else: each line from warning
# upwards, each line of the modules under test above debug, and each line that does not
# have httpd's format (a panic, a sanitizer).
sub _is_unexpected {
    my ($self, $line) = @_;
    return 1 if $line =~ OURS && $line !~ CODE && $line !~ OF_C_MODULE;
    return 0 if grep { $line =~ $_ } @{ $self->{expected} };
    my ($module, $level) = $line =~ /^\[[^]]+\] \[(\w*):(\w+)\] \[pid/ or return 1;
    return 1 if $line =~ /exit signal/;
    return 0 if $level =~ /^(?:debug|trace\d)$/;
    return 0 if $line =~ DERIVED || $line =~ KEYS;
    return 1 if $module =~ /^session/;
    return $level !~ /^(?:info|notice)$/;
}

sub _size { return -s $_[0]{path} // 0 }

1;
