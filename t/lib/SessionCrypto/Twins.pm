package SessionCrypto::Twins;

# Two servers with the same lines, one with the module under test and one with the C module.
#
#   my $twins = SessionCrypto::Twins->new('name', files => { passphrases => "secret\n" }, config => $lines);
#   my @verdicts = $twins->judge("SessionCryptoPassphraseFile passphrases", ...);
#       # of each fragment: { c => 'clear', ours => 'refused' }
#   my ($c, $ours) = $twins->ask(['/0', session => $token]);   # the answers of both
#   my @pairs = $twins->ask_all(\@requests);                   # the same of many, as [$c, $ours]
#   $twins->refusal($number)       # why the module under test refuses a fragment
#   $twins->c  $twins->ours  $twins->stop
#
# `judge` starts both servers. Each fragment that a module accepts is in <Location /NUMBER>;
# one that is a list has its second part in <Location /NUMBER/in>. A verdict is
#
#   refused    httpd -t fails
#   classic    sessions leave in this format
#   jwe
#   clear      sessions leave in clear
#   unsaved    they do not leave

use strict;
use warnings;

use SessionCrypto::Batch qw(BATCH ask_each);
use SessionCrypto::Httpd ();

use constant MODULES => qw(c ours);

sub new {
    my ($class, $name, %args) = @_;
    my $self  = bless { config => $args{config} // '', refusals => [] }, $class;
    my $files = delete $args{files} // {};
    for my $module (MODULES) {
        # The C module has some lines for each token that it refuses.
        my $loglevel = $module eq 'c' ? 'warn session:crit session_crypto:crit core:crit' : 'warn session_crypto:info core:crit';
        my $httpd = $self->{$module} = SessionCrypto::Httpd->new(loglevel => $loglevel, %args, name => "$name-$module", module => $module);
        $httpd->write_file($_, ref $files->{$_} ? @{ $files->{$_} } : ($files->{$_}, 0600)) for sort keys %$files;
    }
    return $self;
}

sub c       { return $_[0]{c} }
sub ours    { return $_[0]{ours} }
sub refusal { return $_[0]{refusals}[$_[1]] }

sub judge {
    my ($self, @fragments) = @_;
    my @verdicts = map { {} } @fragments;
    for my $module (MODULES) {
        my $httpd = $self->{$module};
        my @in    = 0 .. $#fragments;
        # `httpd -t` stops at the first line that is wrong.
        until ($self->_accepts($module, \@fragments, \@in)) {
            my $wrong = $self->{wrong};
            $verdicts[$wrong]{$module} = 'refused';
            @in = grep { $_ != $wrong } @in;
        }
        $httpd->start;
        $self->{"batch_$module"} = SessionCrypto::Batch->new($httpd);
        my @answers = $self->{"batch_$module"}->ask(map { ["/$_", 'X-S' => 'user=joe'] } @in);
        $verdicts[$in[$_]]{$module} = kind($answers[$_]->token) for 0 .. $#in;
    }
    return @verdicts;
}

# Whether `httpd -t` accepts fragments by their numbers. If not, `wrong` has the number of one
# that it refuses.
sub _accepts {
    my ($self, $module, $fragments, $numbers) = @_;
    my $httpd = $self->{$module};
    $httpd->{config} = BATCH . $self->{config} . "\n" . join '', map { _section($_, $fragments->[$_]) } @$numbers;
    my ($ok, $output) = $httpd->check;
    return 1 if $ok;
    # There may be warnings of other lines before it.
    my ($line) = $output =~ /(?:Syntax error|session_crypto:emerg\].*) on line (\d+) of \S*httpd\.conf/ or die "not about a line: $output\n";
    open my $file, '<', $httpd->conf or die $httpd->conf, ": $!\n";
    my ($wrong) = reverse map { /^# fragment (\d+)$/ ? $1 : () } (<$file>)[0 .. $line - 1];
    defined $wrong or die "not in a fragment: $output\n";
    $self->{wrong} = $wrong;
    $self->{refusals}[$wrong] = $output =~ s/^.*:warn\].*\n//mgr if $module eq 'ours';
    return 0;
}

sub _section {
    my ($number, $fragment) = @_;
    my ($lines, $inner) = ref $fragment ? @$fragment : ($fragment, '');
    my $section = "# fragment $number\n<Location /$number>\n$lines\n</Location>\n";
    $section .= "<Location /$number/in>\n$inner\n</Location>\n" if length $inner;
    return $section;
}

# What kind of token an answer sets.
sub kind {
    my ($token) = @_;
    return !defined $token ? 'unsaved' : $token =~ /user=/ ? 'clear' : $token =~ /^eyJ/ ? 'jwe' : 'classic';
}

sub ask {
    my ($self, $request) = @_;
    return @{ ($self->ask_all([$request]))[0] };
}

sub ask_all {
    my ($self, $requests) = @_;
    my ($c, $ours) = ask_each(map { [$self->{"batch_$_"}, $requests] } MODULES);
    return map { [$c->[$_], $ours->[$_]] } 0 .. $#$requests;
}

sub stop {
    my ($self) = @_;
    $self->{$_}->stop for MODULES;
    return;
}

1;
